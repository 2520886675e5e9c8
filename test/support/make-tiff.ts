/** A directory of a TIFF, with its samples in one uncompressed strip. */
export interface TiffParts {
  readonly width: number;
  readonly height: number;
  /** Bits of each band. */
  readonly bits: readonly number[];
  /** PhotometricInterpretation; absent from the file where undefined. */
  readonly photometric: number | undefined;
  readonly data: Uint8Array;
  /** Further tags, or other values of those above. */
  readonly tags?: Readonly<Record<number, readonly number[]>>;
  /** Directories that this one points at (SubIFDs). */
  readonly children?: readonly TiffParts[];
}

const long = 4;
const short = 3;
const longTags: ReadonlySet<number> = new Set([256, 257, 273, 279, 330]);

/** A little-endian TIFF of these directories, in this order. */
export function makeTiff(...chain: readonly TiffParts[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('II*\0\0\0\0\0', 'latin1')];
  let sizeBytes = 8;
  const append = (piece: Buffer): number => {
    const at = sizeBytes;
    const padded = piece.length % 2 === 0 ? piece : Buffer.concat([piece, Buffer.alloc(1)]);
    pieces.push(padded);
    sizeBytes += padded.length;
    return at;
  };
  const writeDirectory = (parts: TiffParts): { readonly at: number; readonly next: number } => {
    const children = (parts.children ?? []).map((child) => writeDirectory(child).at);
    const values: Record<number, readonly number[]> = {
      256: [parts.width],
      257: [parts.height],
      258: parts.bits,
      259: [1],
      ...(parts.photometric === undefined ? {} : { 262: [parts.photometric] }),
      273: [append(Buffer.from(parts.data))],
      277: [parts.bits.length],
      278: [parts.height],
      279: [parts.data.byteLength],
      ...(children.length === 0 ? {} : { 330: children }),
      ...parts.tags,
    };
    const entries = Object.entries(values)
      .map(([tag, list]) => ({ tag: Number(tag), list }))
      .toSorted((a, b) => a.tag - b.tag)
      .map(({ tag, list }) => makeEntry(tag, list, append));
    const count = Buffer.alloc(2);
    count.writeUInt16LE(entries.length);
    const at = append(Buffer.concat([count, ...entries, Buffer.alloc(4)]));
    return { at, next: at + 2 + entries.length * 12 };
  };
  const written = chain.map(writeDirectory);
  const file = Buffer.concat(pieces);
  written.forEach(({ at }, index) => file.writeUInt32LE(at, written[index - 1]?.next ?? 4));
  return file;
}

function makeEntry(tag: number, list: readonly number[], append: (piece: Buffer) => number): Buffer {
  const type = longTags.has(tag) ? long : short;
  const size = type === long ? 4 : 2;
  const values = Buffer.alloc(Math.max(4, list.length * size));
  list.forEach((value, index) => values.writeUIntLE(value, index * size, size));
  const entry = Buffer.alloc(12);
  entry.writeUInt16LE(tag, 0);
  entry.writeUInt16LE(type, 2);
  entry.writeUInt32LE(list.length, 4);
  if (list.length * size <= 4) values.copy(entry, 8);
  else entry.writeUInt32LE(append(values), 8);
  return entry;
}
