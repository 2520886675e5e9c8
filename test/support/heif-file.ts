import { heifFixture } from '../fixtures/heif.js';

/** One image item, or one that is derived from others. */
export interface HeifItem {
  /** Four characters: hvc1, grid, ... */
  readonly type: string;
  /** Its coded bytes; items may share them. */
  readonly data: Buffer;
  /** As the file says; the coded picture may have another. */
  readonly width: number;
  readonly height: number;
  /** Of a grid or an overlay: the numbers of the items that it is made of, from 1. */
  readonly madeOf?: readonly number[];
  /** The number of the item that this one belongs to, and its URN. */
  readonly auxiliaryOf?: { readonly item: number; readonly urn: string };
  /** Boxes of further properties, all of them essential: whoever does not know one must not show the item. */
  readonly properties?: readonly Buffer[];
}

export interface HeifFile {
  readonly brands?: readonly string[];
  /** Their numbers begin with 1. */
  readonly items: readonly HeifItem[];
  readonly primary: number;
}

/** The fixture's HEVC picture, 96 × 72, and its decoder configuration. */
export function codedPicture(): { readonly data: Buffer; readonly configuration: Buffer } {
  const file = heifFixture('plain.heic');
  return { data: boxOf(file, 'mdat').subarray(8), configuration: boxOf(file, 'hvcC') };
}

/** A HEIF file (ISO/IEC 23008-12) of items as they are given, for files that no encoder writes. */
export function heifFile({ brands = ['heic', 'mif1'], items, primary }: HeifFile): Buffer {
  const { configuration } = codedPicture();
  const properties: Buffer[] = [];
  const associations: Buffer[] = [];
  const numberOf = (property: Buffer): number => {
    const known = properties.findIndex((each) => each.equals(property));
    return known >= 0 ? known + 1 : properties.push(property);
  };
  items.forEach((item, index) => {
    const own = [box('ispe', u32(0), u32(item.width), u32(item.height))];
    if (item.type === 'hvc1') own.unshift(configuration);
    if (item.auxiliaryOf !== undefined) own.push(box('auxC', u32(0), Buffer.from(`${item.auxiliaryOf.urn}\0`)));
    const essential = (item.properties ?? []).map((property) => 0x80 | numberOf(property));
    const numbers = [...own.map(numberOf), ...essential];
    associations.push(u32(index + 1), Buffer.from([numbers.length, ...numbers]));
  });
  const data = [...new Set(items.map((item) => item.data))];
  const references = items.flatMap((item, index) => [
    ...(item.madeOf === undefined ? [] : [reference('dimg', index + 1, item.madeOf)]),
    ...(item.auxiliaryOf === undefined ? [] : [reference('auxl', index + 1, [item.auxiliaryOf.item])]),
  ]);
  const meta = (dataAt: number): Buffer => {
    const offsets = new Map<Buffer, number>();
    data.reduce((at, bytes) => (offsets.set(bytes, at), at + bytes.length), dataAt);
    return box(
      'meta',
      u32(0),
      box('hdlr', u32(0), u32(0), Buffer.from('pict'), Buffer.alloc(13)),
      box('pitm', u32(1 << 24), u32(primary)),
      box(
        'iloc',
        u32(2 << 24),
        Buffer.from([0x44, 0]),
        u32(items.length),
        ...items.map((item, index) =>
          Buffer.concat([
            u32(index + 1),
            u16(0),
            u16(0),
            u16(1),
            u32(offsets.get(item.data) ?? 0),
            u32(item.data.length),
          ]),
        ),
      ),
      box(
        'iinf',
        u32(1 << 24),
        u32(items.length),
        ...items.map(({ type }, index) =>
          box('infe', u32(3 << 24), u32(index + 1), u16(0), Buffer.from(type), Buffer.from('\0')),
        ),
      ),
      ...(references.length === 0 ? [] : [box('iref', u32(1 << 24), ...references)]),
      box('iprp', box('ipco', ...properties), box('ipma', u32(1 << 24), u32(items.length), ...associations)),
    );
  };
  const head = box('ftyp', Buffer.from(brands[0] ?? ''), u32(0), ...brands.map((brand) => Buffer.from(brand)));
  const dataAt = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(dataAt), box('mdat', ...data)]);
}

/** The data of a grid item of equal tiles. */
export function gridData(columns: number, rows: number, width: number, height: number): Buffer {
  return Buffer.concat([Buffer.from([0, 1, rows - 1, columns - 1]), u32(width), u32(height)]);
}

export function box(type: string, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([u32(content.length + 8), Buffer.from(type), content]);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function reference(type: string, from: number, to: readonly number[]): Buffer {
  return box(type, u32(from), u16(to.length), ...to.map(u32));
}

/** The first box of the type, wherever it lies. */
function boxOf(file: Buffer, type: string): Buffer {
  const at = file.indexOf(type, 0, 'latin1') - 4;
  return file.subarray(at, at + file.readUInt32BE(at));
}
