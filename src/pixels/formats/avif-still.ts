import { unsupported } from './image-kinds.js';

/**
 * The file as libvips is to see it: it knows AVIF by its major brand alone, which is `avis` where the file has a sequence beside
 * a still picture, and may be another where `avif` is among the compatible ones.
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE where there is no still picture, or libheif would put its alpha elsewhere
 */
export function asStill(file: Buffer): Buffer {
  const meta = childrenOf(file, 0, file.length).find(({ type }) => type === 'meta');
  const isSequence = file.toString('latin1', 8, 12) === 'avis';
  if (meta === undefined) {
    // A still picture without it is broken, which the decoder says.
    if (isSequence) throw unsupported('avifSequenceOnly');
    return file;
  }
  if (hasUnturnedAlpha(file, meta)) throw unsupported('avifUnturnedAlpha');
  if (file.toString('latin1', 8, 12) === 'avif') return file;
  const copy = Buffer.from(file);
  copy.write('avif', 8, 'latin1');
  return copy;
}

/** A box of ISO/IEC 14496-12, 4.2: `start` and `end` of what is in it. */
interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** So that a hostile file costs no more to look at than another. */
const maxBoxes = 1024;
const maxItems = 4096;
/** Of a property: `clap` has 32, the name of alpha in `auxC` 48 with what stands before it. */
const maxPropertyBytes = 64;
/** Version and flags of a full box. */
const fullBoxBytes = 4;

/** Boxes of 64-bit sizes, and one that reaches to the end, count as the last. */
function childrenOf(file: Buffer, start: number, end: number): readonly Box[] {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end && boxes.length < maxBoxes;) {
    const sizeBytes = file.readUInt32BE(at);
    const boxEnd = sizeBytes < 8 ? end : Math.min(end, at + sizeBytes);
    boxes.push({ type: file.toString('latin1', at + 4, at + 8), start: at + 8, end: boxEnd });
    at = boxEnd;
  }
  return boxes;
}

/**
 * Whether the alpha of the primary item is turned, mirrored or cut otherwise than its colours, as libavif wrote it until 1.3.0:
 * libavif means one for both, libheif takes each for itself.
 */
function hasUnturnedAlpha(file: Buffer, meta: Box): boolean {
  const boxes = childrenOf(file, meta.start + fullBoxBytes, meta.end);
  const box = (type: string): Box | undefined => boxes.find((each) => each.type === type);
  const [primary, references, properties] = [box('pitm'), box('iref'), box('iprp')];
  if (primary === undefined || references === undefined || properties === undefined) return false;
  const isWide = (file[primary.start] ?? 0) > 0;
  const item = readNumber(file, primary.start + fullBoxBytes, isWide ? 4 : 2);
  const transforms = readTransforms(file, properties);
  const own = transforms.get(item)?.transforms ?? '';
  return auxiliariesOf(file, references, item).some((auxiliary) => {
    const known = transforms.get(auxiliary);
    return known?.isAlpha === true && known.transforms !== own;
  });
}

/** Items that `iref` declares auxiliary to this one. */
function auxiliariesOf(file: Buffer, references: Box, item: number): readonly number[] {
  const idBytes = (file[references.start] ?? 0) > 0 ? 4 : 2;
  return childrenOf(file, references.start + fullBoxBytes, references.end)
    .filter(({ type }) => type === 'auxl')
    .filter(({ start, end }) => {
      for (let at = start + idBytes + 2; at + idBytes <= end; at += idBytes) {
        if (readNumber(file, at, idBytes) === item) return true;
      }
      return false;
    })
    .map(({ start }) => readNumber(file, start, idBytes));
}

interface ItemTransforms {
  /** The transforming properties, in the order in which they apply. */
  readonly transforms: string;
  readonly isAlpha: boolean;
}

/** Of each item that `ipma` gives properties (ISO/IEC 23008-12, 9.3). */
function readTransforms(file: Buffer, properties: Box): ReadonlyMap<number, ItemTransforms> {
  const boxes = childrenOf(file, properties.start, properties.end);
  const container = boxes.find(({ type }) => type === 'ipco');
  const known = container === undefined ? [] : childrenOf(file, container.start, container.end);
  const items = new Map<number, ItemTransforms>();
  for (const { start, end } of boxes.filter(({ type }) => type === 'ipma')) {
    const idBytes = (file[start] ?? 0) > 0 ? 4 : 2;
    const isWide = ((file[start + 3] ?? 0) & 1) === 1;
    const indexBytes = isWide ? 2 : 1;
    for (let at = start + fullBoxBytes + 4; at + idBytes < end && items.size < maxItems;) {
      const item = readNumber(file, at, idBytes);
      const count = file[at + idBytes] ?? 0;
      at += idBytes + 1;
      const own = Array.from({ length: count }, (_, index) => {
        // The first bit says whether a reader must know the property; indices count from 1.
        const number = readNumber(file, at + index * indexBytes, indexBytes) & (isWide ? 0x7fff : 0x7f);
        return known[number - 1];
      }).filter((property) => property !== undefined);
      at += count * indexBytes;
      const transforms = own.filter(({ type }) => ['irot', 'imir', 'clap'].includes(type));
      items.set(item, {
        transforms: transforms.map((each) => each.type + content(file, each).toString('hex')).join(),
        isAlpha: own.some((each) => each.type === 'auxC' && content(file, each).includes('alpha')),
      });
    }
  }
  return items;
}

function content(file: Buffer, { start, end }: Box): Buffer {
  return file.subarray(start, Math.min(end, start + maxPropertyBytes));
}

/** 0 outside the file. */
function readNumber(file: Buffer, at: number, sizeBytes: number): number {
  return at + sizeBytes <= file.length ? file.readUIntBE(at, sizeBytes) : 0;
}
