import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawContactSheet } from '../../../../src/pixels/sheets/contact-sheet.js';
import { packageRoot } from '../../../../src/base/paths.js';
import { makeJpeg } from '../../../support/make-image.js';

/** Layout of the sheet, in pixels. */
const cell = { left: 20, top: 20, width: 208, pictureHeight: 168, captionHeight: 52, gap: 14 };

interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

async function darkPixels(sheet: Buffer, area: Area): Promise<number> {
  const pixels = await sharp(sheet).extract(area).greyscale().raw().toBuffer();
  return pixels.filter((value) => value < 160).length;
}

function captionOf(index: number): Area {
  const left = cell.left + index * (cell.width + cell.gap);
  return { left, top: cell.top + cell.pictureHeight, width: cell.width, height: cell.captionHeight };
}

describe('drawContactSheet', () => {
  it('shows the query and its neighbours in one row, similarity and filename under each', async () => {
    const [query, other] = await Promise.all([makeJpeg(1), makeJpeg(2)]);
    const sheet = await drawContactSheet({
      query: { bytes: query, filename: 'query.jpg' },
      neighbours: [
        { bytes: other, filename: 'other.jpg', caption: '0.500' },
        { bytes: undefined, filename: 'deleted.jpg', caption: '0.400' },
      ],
    });
    const { format, width, height } = await sharp(sheet).metadata();
    expect({ format, width, height }).toEqual({ format: 'png', width: 692, height: 260 });
    for (const index of [0, 1, 2]) expect(await darkPixels(sheet, captionOf(index))).toBeGreaterThan(150);
    const picture = { left: cell.left + 40, top: cell.top + 40, width: 100, height: 80 };
    const shown = await sharp(sheet).extract(picture).stats();
    expect(Math.max(...shown.channels.map(({ stdev }) => stdev))).toBeGreaterThan(5);
  });

  it('frames the part of a picture that was searched for, or that matched', async () => {
    // 400 × 200 fits a cell as 202 × 101 in the middle of 202 × 162.
    const bytes = await makeJpeg(1, { width: 400, height: 200 });
    const region = { x: 0.5, y: 0, width: 0.5, height: 0.5 };
    const draw = (framed?: typeof region) =>
      drawContactSheet({ query: { bytes, filename: 'q.jpg', region: framed }, neighbours: [] });
    const [plain, framed] = await Promise.all([draw(), draw(region)]).then((sheets) =>
      Promise.all(sheets.map((sheet) => sharp(sheet).raw().toBuffer({ resolveWithObject: true }))),
    );
    const changed: { x: number[]; y: number[] } = { x: [], y: [] };
    const width = plain?.info.width ?? 0;
    for (let at = 0; at < (plain?.data.length ?? 0); at += 3) {
      if (plain?.data.subarray(at, at + 3).equals(framed?.data.subarray(at, at + 3) ?? Buffer.alloc(0)) === true)
        continue;
      changed.x.push((at / 3) % width);
      changed.y.push(Math.floor(at / 3 / width));
    }
    const picture = { left: cell.left + 3, top: cell.top + 3 + (162 - 101) / 2 };
    expect(Math.min(...changed.x)).toBe(picture.left + 101);
    expect(Math.max(...changed.x)).toBe(picture.left + 201);
    expect(Math.abs(Math.min(...changed.y) - picture.top)).toBeLessThanOrEqual(1);
    expect(Math.abs(Math.max(...changed.y) - (picture.top + 50.5))).toBeLessThanOrEqual(1);
  });

  it('wraps after six', async () => {
    const bytes = await makeJpeg(1);
    const neighbours = Array.from({ length: 12 }, (_, index) => ({
      bytes,
      filename: `${index}.jpg`,
      caption: '0.900',
    }));
    const { width, height } = await sharp(
      await drawContactSheet({ query: { bytes, filename: 'q.jpg' }, neighbours }),
    ).metadata();
    expect({ width, height }).toEqual({ width: 1358, height: 728 });
  });

  it('shortens a long name to its cell, and draws any name as the text that it is', async () => {
    const name = `<b>&amp;\u0000\ud83e\udd8b ${'very long '.repeat(30)}.jpg`;
    const sheet = await drawContactSheet({
      query: { bytes: undefined, filename: name },
      neighbours: [{ bytes: undefined, filename: '', caption: '1.000' }],
    });
    expect(await darkPixels(sheet, captionOf(0))).toBeGreaterThan(150);
    const { left, top, height } = captionOf(0);
    expect(await darkPixels(sheet, { left: left + cell.width, top, width: cell.gap, height })).toBe(0);
  });

  it('draws its text where the system has no fonts', async () => {
    const script = `
      import { drawContactSheet } from ${JSON.stringify(join(packageRoot, 'dist', 'pixels', 'sheets', 'contact-sheet.js'))};
      const sheet = await drawContactSheet({ query: { bytes: undefined, filename: 'query.jpg' }, neighbours: [] });
      process.stdout.write(sheet.toString('base64'));`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, FONTCONFIG_FILE: join(packageRoot, 'assets', 'fonts.conf') },
      maxBuffer: 10_000_000,
    });
    expect(stderr).toBe('');
    expect(await darkPixels(Buffer.from(stdout, 'base64'), captionOf(0))).toBeGreaterThan(150);
  });
});
