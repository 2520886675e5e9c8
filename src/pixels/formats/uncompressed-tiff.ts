/** Rows of one strip: libvips reads strip by strip. */
const rowsPerStrip = 64;
const entryBytes = 12;
/** Field types of TIFF 6.0, section 2. */
const short = 3;
const long = 4;
const undefinedBytes = 7;

export interface TiffPixels {
  readonly width: number;
  readonly height: number;
  /** 3: red, green, blue; 4: and alpha. Of 8 bits, one behind the other. */
  readonly channels: 3 | 4;
  readonly isPremultiplied: boolean;
  /** ICC profile; sRGB where there is none. */
  readonly profile: Uint8Array | undefined;
}

export interface Tiff {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of `bytes`, where the rows are to be written. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/**
 * An uncompressed TIFF file (TIFF 6.0) with room for pixels: the one way to hand raw pixels with their ICC profile to sharp,
 * which takes a profile from files alone.
 */
export function makeTiff({ width, height, channels, isPremultiplied, profile }: TiffPixels): Tiff {
  const strips = Math.ceil(height / rowsPerStrip);
  const rowBytes = width * channels;
  const hasAlpha = channels === 4;
  const entries = 10 + (hasAlpha ? 1 : 0) + (profile === undefined ? 0 : 1);
  const directoryAt = 8;
  const depthsAt = directoryAt + 2 + entries * entryBytes + 4;
  const offsetsAt = depthsAt + 2 * channels;
  const countsAt = offsetsAt + 4 * strips;
  const profileAt = countsAt + 4 * strips;
  const pixelsAt = profileAt + (profile?.byteLength ?? 0);
  const bytes = new Uint8Array(pixelsAt + rowBytes * height);
  const view = new DataView(bytes.buffer);

  bytes.set([0x49, 0x49, 42, 0]);
  view.setUint32(4, directoryAt, true);
  view.setUint16(directoryAt, entries, true);
  let at = directoryAt + 2;
  const add = (tag: number, type: number, count: number, value: number): void => {
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, value, true);
    at += entryBytes;
  };
  // An array that has one element stands in its entry.
  const array = (tag: number, values: readonly number[], offset: number): void => {
    add(tag, long, values.length, values.length === 1 ? (values[0] ?? 0) : offset);
    values.forEach((value, index) => {
      view.setUint32(offset + 4 * index, value, true);
    });
  };
  const rowsOf = (strip: number) => Math.min(rowsPerStrip, height - strip * rowsPerStrip);
  const all = Array.from({ length: strips }, (_, strip) => strip);
  add(256, long, 1, width);
  add(257, long, 1, height);
  add(258, short, channels, depthsAt);
  for (let channel = 0; channel < channels; channel++) view.setUint16(depthsAt + 2 * channel, 8, true);
  // No compression, RGB.
  add(259, short, 1, 1);
  add(262, short, 1, 2);
  array(
    273,
    all.map((strip) => pixelsAt + strip * rowsPerStrip * rowBytes),
    offsetsAt,
  );
  add(277, short, 1, channels);
  add(278, long, 1, rowsPerStrip);
  array(
    279,
    all.map((strip) => rowsOf(strip) * rowBytes),
    countsAt,
  );
  add(284, short, 1, 1);
  if (hasAlpha) add(338, short, 1, isPremultiplied ? 1 : 2);
  if (profile !== undefined) {
    add(34_675, undefinedBytes, profile.byteLength, profileAt);
    bytes.set(profile, profileAt);
  }
  return { bytes, pixels: bytes.subarray(pixelsAt) };
}
