/**
 * The directories of a TIFF or BigTIFF (TIFF 6.0, section 2; Supplement 1 for SubIFDs), as far as they can be read: what
 * lies outside the file, or comes round again, ends a chain. Never throws, and looks at a bounded number of entries, for
 * the bytes may be anybody's.
 */
export interface TiffDirectory {
  /** Whole numbers under a tag, at most `maxValues`; none where the tag is absent or of another type. */
  values(tag: number): readonly number[];
  has(tag: number): boolean;
  /** A copy of the file in which the first value under `tag` is another; the file itself where the tag is absent. */
  withValue(tag: number, value: number): Buffer;
  /** Those that this one points at. */
  readonly children: readonly TiffDirectory[];
}

const maxDirectories = 64;
const maxChildren = 16;
const maxEntries = 1024;
const maxValues = 64;

export const tiffTags = {
  newSubfileType: 254,
  subfileType: 255,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  samplesPerPixel: 277,
  planarConfiguration: 284,
  tileWidth: 322,
  subIfds: 330,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
  cfaRepeatPattern: 33421,
  cfaPattern: 33422,
  leafData: 34310,
  iccProfile: 34675,
  imaconData: 46275,
  dngVersion: 50706,
} as const;

/** Bytes of a value of the types that hold whole numbers: BYTE, SHORT, LONG, IFD, LONG8, IFD8. */
const integerBytes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** The chain of directories that the header points at, in its order. */
export function readTiffDirectories(file: Buffer): readonly TiffDirectory[] {
  return new TiffReader(file).readChain();
}

class TiffReader {
  readonly #file: Buffer;
  readonly #littleEndian: boolean;
  readonly #big: boolean;
  readonly #seen = new Set<number>();

  constructor(file: Buffer) {
    this.#file = file;
    this.#littleEndian = file[0] === 0x49;
    this.#big = this.#unsigned(2, 2) === 43;
  }

  readChain(): readonly TiffDirectory[] {
    const chain: TiffDirectory[] = [];
    let offset = this.#big ? this.#unsigned(8, 8) : this.#unsigned(4, 4);
    while (chain.length < maxDirectories) {
      const read = this.#readDirectory(offset, true);
      if (read === undefined) break;
      chain.push(read.directory);
      offset = read.next;
    }
    return chain;
  }

  #readDirectory(
    offset: number,
    withChildren: boolean,
  ): { readonly directory: TiffDirectory; readonly next: number } | undefined {
    const [countBytes, entryBytes, wordBytes] = this.#big ? [8, 20, 8] : [2, 12, 4];
    if (offset === 0 || offset + countBytes > this.#file.length || this.#seen.has(offset)) return undefined;
    this.#seen.add(offset);
    const count = this.#unsigned(offset, countBytes);
    const first = offset + countBytes;
    // Cut off.
    if (first + count * entryBytes > this.#file.length) return undefined;
    const entries = new Map<number, number>();
    for (let index = 0; index < Math.min(count, maxEntries); index++) {
      const entry = first + index * entryBytes;
      entries.set(this.#unsigned(entry, 2), entry);
    }
    const values = (tag: number): readonly number[] => {
      const entry = entries.get(tag);
      return entry === undefined ? [] : this.#readValues(entry, wordBytes);
    };
    const children = withChildren
      ? values(tiffTags.subIfds)
          .slice(0, maxChildren)
          .map((child) => this.#readDirectory(child, false)?.directory)
          .filter((child) => child !== undefined)
      : [];
    const directory: TiffDirectory = {
      values,
      has: (tag) => entries.has(tag),
      withValue: (tag, value) => {
        const entry = entries.get(tag);
        return entry === undefined ? this.#file : this.#withFirstValue(entry, wordBytes, value);
      },
      children,
    };
    return { directory, next: this.#unsigned(first + count * entryBytes, wordBytes) };
  }

  #readValues(entry: number, wordBytes: number): readonly number[] {
    const { at, size, count } = this.#locate(entry, wordBytes);
    if (size === 0 || at + size * count > this.#file.length) return [];
    return Array.from({ length: Math.min(count, maxValues) }, (_, index) => this.#unsigned(at + index * size, size));
  }

  #withFirstValue(entry: number, wordBytes: number, value: number): Buffer {
    const copy = Buffer.from(this.#file);
    const { at, size } = this.#locate(entry, wordBytes);
    if (size === 0 || size > 4 || at + size > copy.length) return copy;
    if (this.#littleEndian) copy.writeUIntLE(value, at, size);
    else copy.writeUIntBE(value, at, size);
    return copy;
  }

  /** Where the values of an entry lie: within it where they fit. */
  #locate(entry: number, wordBytes: number): { readonly at: number; readonly size: number; readonly count: number } {
    const size = integerBytes[this.#unsigned(entry + 2, 2)] ?? 0;
    const count = this.#unsigned(entry + 4, wordBytes);
    const value = entry + 4 + wordBytes;
    return { at: size * count <= wordBytes ? value : this.#unsigned(value, wordBytes), size, count };
  }

  /** 0 outside the file; of 8 bytes a number that is inexact beyond 2^53, where no file reaches. */
  #unsigned(at: number, size: number): number {
    if (at < 0 || at + size > this.#file.length) return 0;
    if (size === 8) {
      return Number(this.#littleEndian ? this.#file.readBigUInt64LE(at) : this.#file.readBigUInt64BE(at));
    }
    return this.#littleEndian ? this.#file.readUIntLE(at, size) : this.#file.readUIntBE(at, size);
  }
}
