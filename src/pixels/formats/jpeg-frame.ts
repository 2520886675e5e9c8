import { unsupported } from './image-kinds.js';

/**
 * Looks at the first frame header (ITU-T T.81, B.2.2; ITU-T T.87 for JPEG-LS). A file without one passes: it is broken, which
 * the decoder says.
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE
 */
export function assertJpegSupported(bytes: Buffer): void {
  // Behind the two bytes of SOI.
  for (let at = 2; at + 4 < bytes.length;) {
    const marker = bytes[at + 1] ?? 0;
    // Bytes between markers, and fill bytes, are passed over as decoders do.
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0) {
      at += 1;
      continue;
    }
    const stands = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    if (stands) {
      at += 2;
      continue;
    }
    // The picture's data, or the end.
    if (marker === 0xda || marker === 0xd9) return;
    if (isFrame(marker)) {
      assertFrameSupported(marker, bytes[at + 4] ?? 8);
      return;
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
}

/** SOF0 to SOF15, without the tables of Huffman and arithmetic coding and the reserved JPG; SOF55. */
function isFrame(marker: number): boolean {
  return (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7;
}

function assertFrameSupported(marker: number, precisionBits: number): void {
  if (marker === 0xf7) throw unsupported('jpegLs');
  // The second and the fourth four are differential frames, which only hierarchical files have.
  if ((marker & 4) === 4 || marker === 0xcb) throw unsupported('jpegHierarchical');
  if (precisionBits !== 8) throw unsupported('jpegDeep');
}
