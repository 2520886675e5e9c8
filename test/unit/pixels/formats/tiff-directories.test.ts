import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../../src/base/errors.js';
import { readTiffDirectories, tiffTags } from '../../../../src/pixels/formats/tiff-directories.js';
import { chooseTiffPicture } from '../../../../src/pixels/formats/tiff-picture.js';
import { seededRandom } from '../../../support/make-image.js';
import { makeTiff, type TiffParts } from '../../../support/make-tiff.js';

const picture: TiffParts = { width: 2, height: 2, bits: [8, 8, 8], photometric: 2, data: new Uint8Array(12) };

/** Where the first directory, and the offset of the one behind it, lie. */
function offsets(file: Buffer): { readonly first: number; readonly next: number } {
  const first = file.readUInt32LE(4);
  return { first, next: first + 2 + file.readUInt16LE(first) * 12 };
}

/** The entry of `tag` in the first directory. */
function entryAt(file: Buffer, tag: number): number {
  for (let at = offsets(file).first + 2; at < offsets(file).next; at += 12)
    if (file.readUInt16LE(at) === tag) return at;
  throw new Error(`There is no tag ${tag}`);
}

describe('readTiffDirectories', () => {
  it('reads the chain, and what each directory points at', () => {
    const chain = readTiffDirectories(makeTiff({ ...picture, children: [picture, picture] }, picture));
    expect(chain.map(({ children }) => children.length)).toEqual([2, 0]);
    expect(chain[0]?.values(tiffTags.bitsPerSample)).toEqual([8, 8, 8]);
    expect(chain[1]?.children).toEqual([]);
  });

  it('reads big-endian files and BigTIFF', () => {
    const big = Buffer.alloc(48);
    big.write('MM\0+\0\x08\0\0', 'latin1');
    big.writeBigUInt64BE(16n, 8);
    big.writeBigUInt64BE(1n, 16);
    big.writeUInt16BE(tiffTags.photometric, 24);
    big.writeUInt16BE(3, 26);
    big.writeBigUInt64BE(1n, 28);
    big.writeUInt16BE(5, 36);
    const [directory] = readTiffDirectories(big);
    expect(directory?.values(tiffTags.photometric)).toEqual([5]);
    expect(
      readTiffDirectories(directory?.withValue(tiffTags.photometric, 2) ?? big)[0]?.values(tiffTags.photometric),
    ).toEqual([2]);
    expect(directory?.values(tiffTags.photometric)).toEqual([5]);
  });

  it('ends where a chain comes round again', () => {
    const file = makeTiff(picture, picture);
    const second = readTiffDirectories(file);
    expect(second).toHaveLength(2);
    file.writeUInt32LE(offsets(file).first, offsets(file).next);
    expect(readTiffDirectories(file)).toHaveLength(1);
  });

  it('leaves out a child that is its own parent', () => {
    const file = makeTiff({ ...picture, children: [picture] });
    file.writeUInt32LE(offsets(file).first, entryAt(file, tiffTags.subIfds) + 8);
    expect(readTiffDirectories(file).map(({ children }) => children.length)).toEqual([0]);
  });

  it('looks at 64 directories of a chain and at 16 children', () => {
    const pages = Array.from({ length: 80 }, () => picture);
    expect(readTiffDirectories(makeTiff(...pages))).toHaveLength(64);
    expect(readTiffDirectories(makeTiff({ ...picture, children: pages }))[0]?.children).toHaveLength(16);
  });

  it.each([
    ['an offset behind the end', (file: Buffer) => file.writeUInt32LE(0xffff_fff0, 4), 0],
    ['more entries than the file has bytes', (file: Buffer) => file.writeUInt16LE(0xffff, offsets(file).first), 0],
    ['a next directory behind the end', (file: Buffer) => file.writeUInt32LE(file.length, offsets(file).next), 1],
  ])('takes %s for the end', (_, spoil, count) => {
    const file = makeTiff(picture);
    spoil(file);
    expect(readTiffDirectories(file)).toHaveLength(count);
  });

  it('has no values where they lie behind the end, and none of other types', () => {
    const file = makeTiff(picture);
    const entry = entryAt(file, tiffTags.bitsPerSample);
    file.writeUInt32LE(0x7fff_ffff, entry + 4);
    expect(readTiffDirectories(file)[0]?.values(tiffTags.bitsPerSample)).toEqual([]);
    file.writeUInt16LE(12, entryAt(file, tiffTags.compression) + 2);
    expect(readTiffDirectories(file)[0]?.values(tiffTags.compression)).toEqual([]);
  });
});

it('any bytes are a picture to try, or refused by name', () => {
  const random = seededRandom(13);
  const whole = makeTiff({ ...picture, children: [picture] }, picture);
  const header = Buffer.from('II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0', 'latin1');
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const file = round % 3 === 0 ? Buffer.concat([header, whole.subarray(8)]) : Buffer.from(whole);
    for (let hit = 0; hit < 1 + random() * 8; hit++)
      file[8 + Math.floor(random() * (file.length - 8))] = Math.floor(random() * 256);
    const cut = file.subarray(0, Math.floor(8 + random() * file.length));
    for (const bytes of [file, cut]) {
      try {
        chooseTiffPicture(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SemblanceError);
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(100);
});
