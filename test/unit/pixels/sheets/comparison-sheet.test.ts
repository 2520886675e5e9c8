import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  drawComparisonSheet,
  type ComparisonRow,
  type FoundPicture,
} from '../../../../src/pixels/sheets/comparison-sheet.js';
import { makeJpeg } from '../../../support/make-image.js';

/** Layout of the sheet, in pixels. */
const cell = { width: 148, pictureHeight: 120, captionHeight: 50, gap: 10 };
const firstTop = 50;
const rowHeight = cell.pictureHeight + cell.captionHeight + 14;
const leftOf = { query: 20, a: 20 + cell.width + 34 };

const accent = [37, 99, 235];
const mat = [241, 243, 246];
const green = [21, 128, 61];

let bytes: Buffer;
beforeAll(async () => {
  bytes = await makeJpeg(1);
});

function found(changes: Partial<FoundPicture> = {}): FoundPicture {
  return { bytes, filename: 'found.jpg', label: 'cat', similarity: 0.5, shared: false, ...changes };
}

function row(changes: Partial<ComparisonRow> = {}): ComparisonRow {
  return {
    query: { bytes, filename: 'query.jpg', label: 'cat', note: 'overlap@10 0.50' },
    a: [found(), found()],
    b: [found(), found()],
    ...changes,
  };
}

async function draw(rows: readonly ComparisonRow[]) {
  const sheet = await drawComparisonSheet({ headings: { a: 'A: one', b: 'B: two' }, k: 10, rows });
  const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
  const pixel = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
  const count = (left: number, top: number, width: number, height: number, [r, g, b]: readonly number[]): number => {
    let pixels = 0;
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) {
        const at = pixel(x, y);
        if (at[0] === r && at[1] === g && at[2] === b) pixels++;
      }
    }
    return pixels;
  };
  return { info, pixel, count };
}

describe('drawComparisonSheet', () => {
  it('has a row for each query and a column for each result', async () => {
    const { info } = await draw([row(), row({ a: [found()], b: [found(), found(), found()] })]);
    expect({ width: info.width, height: info.height, channels: info.channels }).toEqual({
      width: 20 + cell.width + 34 + (2 * cell.width + cell.gap) + 34 + (3 * cell.width + 2 * cell.gap) + 20,
      height: firstTop + 2 * rowHeight + 30 + 20,
      channels: 3,
    });
  });

  it('frames what both found, and no other', async () => {
    const { pixel, info } = await draw([row({ a: [found({ shared: true }), found()], b: [found(), found()] }), row()]);
    expect(pixel(leftOf.a + 1, firstTop + 1)).toEqual(accent);
    expect(pixel(leftOf.a + cell.width + cell.gap + 1, firstTop + 1)).toEqual(mat);
    expect(pixel(leftOf.a + 1, firstTop + rowHeight + 1)).toEqual(mat);
    // Nothing stands right of the last column.
    expect(pixel(info.width - 10, firstTop + 1)).toEqual([255, 255, 255]);
  });

  it('marks the label of the query, also where nobody sees colours', async () => {
    const { count } = await draw([row({ a: [found(), found({ label: 'dog' })] })]);
    const captionTop = firstTop + cell.pictureHeight;
    const greens = (column: number) =>
      count(leftOf.a + column * (cell.width + cell.gap), captionTop, cell.width, 28, green);
    expect(greens(0)).toBeGreaterThan(20);
    expect(greens(1)).toBe(0);
    const inks = async (label: string): Promise<number> => {
      const sheet = await draw([row({ query: { ...row().query, label }, a: [found({ label: 'cat' })] })]);
      return cell.width * 28 - sheet.count(leftOf.a, captionTop, cell.width, 28, [255, 255, 255]);
    };
    // The mark takes ink of its own.
    expect(await inks('cat')).toBeGreaterThan((await inks('dog')) + 20);
  });

  it('does not take two images without a label for alike', async () => {
    const unlabelled = found({ label: undefined });
    const { count } = await draw([row({ query: { ...row().query, label: undefined }, a: [unlabelled] })]);
    expect(count(leftOf.a, firstTop + cell.pictureHeight, cell.width, 28, green)).toBe(0);
  });

  it('shows the pictures, and an empty frame for one that is gone', async () => {
    const { pixel, count } = await draw([row({ a: [found({ bytes: undefined }), found()] })]);
    const inside = (left: number) =>
      count(left + 4, firstTop + 4, cell.width - 8, cell.pictureHeight - 8, mat) /
      ((cell.width - 8) * (cell.pictureHeight - 8));
    expect(inside(leftOf.a)).toBe(1);
    expect(inside(leftOf.a + cell.width + cell.gap)).toBeLessThan(0.3);
    expect(pixel(leftOf.query + 1, firstTop + 1)).not.toEqual(mat);
  });
});
