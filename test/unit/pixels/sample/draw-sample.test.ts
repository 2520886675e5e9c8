import { describe, expect, it } from 'vitest';
import { drawSample, drawSampleQuery, sampleSize } from '../../../../src/pixels/sample/draw-sample.js';
import { sampleFamilies } from '../../../../src/pixels/sample/families.js';
import { sha256Hex } from '../../../../src/base/identity.js';
import { sharp } from '../../../../src/pixels/sharp.js';

async function hashes(count: number): Promise<string[]> {
  const drawn: string[] = [];
  for await (const { bytes } of drawSample()) {
    drawn.push(sha256Hex(bytes));
    if (drawn.length === count) break;
  }
  return drawn;
}

describe('drawSample', () => {
  it('draws the same pictures every time, and no picture twice', async () => {
    const all = await hashes(sampleSize);
    expect(new Set(all).size).toBe(306);
    const query = await drawSampleQuery('face');
    expect(all).not.toContain(sha256Hex(query.bytes));
    expect(await hashes(40)).toEqual(all.slice(0, 40));
  });

  it('can be drawn by several at once', async () => {
    const [first, ...others] = await Promise.all([hashes(20), hashes(20), hashes(20)]);
    expect(others).toEqual([first, first]);
  });

  it('leaves the renderer of SVG switched off for everybody else', async () => {
    await drawSampleQuery();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(sharp(svg).raw().toBuffer()).rejects.toThrow();
  });

  it('draws pictures of one size, with the label in the name', async () => {
    for (const { name } of sampleFamilies) {
      const { bytes, label, filename } = await drawSampleQuery(name);
      const { format, width, height } = await sharp(bytes).metadata();
      expect({ label, filename, format, width, height }).toEqual({
        label: name,
        filename: `${name}-19.jpg`,
        format: 'jpeg',
        width: 320,
        height: 240,
      });
    }
  });
});
