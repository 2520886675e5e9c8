/**
 * Decodes one HEIF file in a thread of its own: libheif computes without a pause, so the process could not look at the time
 * meanwhile, and what it allocated is given back with the thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../base/errors.js';
import { heifBaseBytes, heifBytesPerPixel, maxHeifBytes, maxHeifItems } from '../../base/limits.js';
import type { HeifAnswer, HeifOrder } from './heif-messages.js';
import { heif, Libheif, LibheifError } from './libheif.js';
import { makeTiff } from './uncompressed-tiff.js';

/** Offsets in structs of libheif 1.23, on 32 bits. */
const limitsFields = { maxItems: 28, maxSizeEntityGroup: 56, maxChildrenPerBox: 60 } as const;
const optionsFields = { convertHdrTo8Bit: 20, strictDecoding: 21 } as const;
const nclxFields = { primaries: 4, transfer: 8 } as const;

/** Codings that libheif knows and this build cannot decode, by their item type. */
const codings: ReadonlyMap<string, string> = new Map([
  ['av01', 'AV1'],
  ['avc1', 'H.264'],
  ['evc1', 'EVC'],
  ['j2k1', 'JPEG 2000'],
  ['jpeg', 'JPEG'],
  ['unci', 'uncompressed'],
  ['vvc1', 'H.266'],
]);

/** libheif 1.23 takes no picture that is more than this larger on each side than what its crop (clap) leaves. */
const maxCroppedAwayPixels = 64;

/** Of ITU-T H.273, table 2: BT.709, unspecified, and those of BT.470 and BT.601, which everybody shows as sRGB. */
const srgbPrimaries: ReadonlySet<number> = new Set([1, 2, 5, 6, 7]);
const displayP3Primaries = 12;
/** Of its table 3. */
const highDynamicRange: ReadonlyMap<number, string> = new Map([
  [16, 'PQ'],
  [18, 'HLG'],
]);

type Refused = Extract<HeifAnswer, { readonly kind: 'refused' }>;

class Refusal extends Error {
  constructor(
    readonly code: Refused['code'],
    message: string,
  ) {
    super(message);
  }
}

const answer = decode(workerData as HeifOrder);
parentPort?.postMessage(answer, answer.kind === 'decoded' ? [answer.tiff.buffer] : []);

function decode(order: HeifOrder): HeifAnswer {
  const library = new Libheif(order.module, heifBaseBytes + 2 * order.bytes.byteLength);
  try {
    return { kind: 'decoded', tiff: decodePrimary(library, order) };
  } catch (error) {
    return { kind: 'refused', ...describe(error, library, order.format), cause: messageOf(error) };
  }
}

/** The primary item, cropped, rotated and mirrored as its properties say. Nothing else of the file is decoded. */
function decodePrimary(library: Libheif, { bytes, format, maxPixels, displayP3 }: HeifOrder): Uint8Array<ArrayBuffer> {
  const { c } = library;
  const handle = openPrimary(library, bytes, format);
  const width = c._heif_image_handle_get_width(handle);
  const height = c._heif_image_handle_get_height(handle);
  if (width * height > maxPixels) {
    throw new Refusal(
      'IMAGE_TOO_LARGE',
      `The image has ${width} × ${height} pixels; at most ${maxPixels} are accepted`,
    );
  }
  const codedPixels = c._heif_image_handle_get_ispe_width(handle) * c._heif_image_handle_get_ispe_height(handle);
  if (codedPixels > (width + maxCroppedAwayPixels) * (height + maxCroppedAwayPixels)) {
    throw new Refusal(
      'UNSUPPORTED_MEDIA_TYPE',
      `The file is ${format} with a crop of ${width} × ${height} pixels, which is not read`,
    );
  }
  library.maxBytes += Math.min(maxHeifBytes, width * height * heifBytesPerPixel);
  const profile = readProfile(library, handle, { format, displayP3 });
  const hasAlpha = c._heif_image_handle_has_alpha_channel(handle) !== 0;
  const isPremultiplied = hasAlpha && c._heif_image_handle_is_premultiplied_alpha(handle) !== 0;
  const image = decodeImage(library, handle, hasAlpha ? heif.chromaInterleavedRgba : heif.chromaInterleavedRgb);
  const channel = heif.channelInterleaved;
  if (c._heif_image_get_width(image, channel) !== width || c._heif_image_get_height(image, channel) !== height) {
    throw new Error('The picture has another size than the file says');
  }
  const channels = hasAlpha ? 4 : 3;
  const tiff = makeTiff({ width, height, channels, isPremultiplied, profile });
  let plane = 0;
  const stride = library.resultOf((result) => {
    plane = c._heif_image_get_plane_readonly2(image, channel, result);
  });
  const rowBytes = width * channels;
  for (let row = 0; row < height; row++) {
    tiff.pixels.set(library.view(plane + row * stride, rowBytes), row * rowBytes);
  }
  return tiff.bytes;
}

/** @returns the handle of the primary item */
function openPrimary(library: Libheif, bytes: Uint8Array, format: string): number {
  const { c } = library;
  const context = c._heif_context_alloc();
  const limits = c._heif_context_get_security_limits(context);
  // Phones write an item for each tile and each auxiliary image. What an item costs, the memory's bound counts.
  for (const field of Object.values(limitsFields)) library.writeInt(limits + field, maxHeifItems);
  const file = library.allocate(bytes.byteLength);
  library.view(file, bytes.byteLength).set(bytes);
  library.call(c._heif_context_read_from_memory_without_copy, context, file, bytes.byteLength, 0);
  try {
    const id = library.resultOf((result) => {
      library.call(c._heif_context_get_primary_image_ID, context, result);
    });
    const coding = codings.get(fourCharacters(c._heif_item_get_item_type(context, id)));
    if (coding !== undefined) {
      throw new Refusal(
        'UNSUPPORTED_MEDIA_TYPE',
        `The file is ${format} with an image coded as ${coding}, which is not read`,
      );
    }
    const handle = library.resultOf((result) => {
      library.call(c._heif_context_get_primary_image_handle, context, result);
    });
    return handle;
  } catch (error) {
    if (error instanceof Refusal || c._heif_context_has_sequence(context) === 0) throw error;
    throw new Refusal('UNSUPPORTED_MEDIA_TYPE', `The file is a sequence of ${format} images without a still one`);
  }
}

function fourCharacters(code: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(code | 0);
  return bytes.toString('latin1');
}

/** @returns undefined where the numbers are sRGB */
function readProfile(
  library: Libheif,
  handle: number,
  { format, displayP3 }: Pick<HeifOrder, 'format' | 'displayP3'>,
): Uint8Array | undefined {
  const { c } = library;
  const sizeBytes = c._heif_image_handle_get_raw_color_profile_size(handle);
  const nclx = readNclx(library, handle);
  const range = highDynamicRange.get(nclx?.transfer ?? 0);
  if (range !== undefined) {
    throw new Refusal(
      'UNSUPPORTED_MEDIA_TYPE',
      `The file is ${format} of high dynamic range (${range}), which is not read`,
    );
  }
  if (sizeBytes > 0) {
    const profile = library.allocate(sizeBytes);
    library.call(c._heif_image_handle_get_raw_color_profile, handle, profile);
    return library.view(profile, sizeBytes).slice();
  }
  if (nclx === undefined || srgbPrimaries.has(nclx.primaries)) return undefined;
  if (nclx.primaries === displayP3Primaries) return displayP3;
  throw new Refusal(
    'UNSUPPORTED_MEDIA_TYPE',
    `The file is ${format} in colours that are not read (primaries ${nclx.primaries} of ITU-T H.273)`,
  );
}

interface Nclx {
  readonly primaries: number;
  readonly transfer: number;
}

function readNclx(library: Libheif, handle: number): Nclx | undefined {
  try {
    const profile = library.resultOf((result) => {
      library.call(library.c._heif_image_handle_get_nclx_color_profile, handle, result);
    });
    return {
      primaries: library.readInt(profile + nclxFields.primaries),
      transfer: library.readInt(profile + nclxFields.transfer),
    };
  } catch (error) {
    if (error instanceof LibheifError && error.code === heif.colorProfileDoesNotExist) return undefined;
    throw error;
  }
}

/** @returns the image of 8 bits a channel */
function decodeImage(library: Libheif, handle: number, chroma: number): number {
  const { c } = library;
  const options = c._heif_decoding_options_alloc();
  library.view(options + optionsFields.convertHdrTo8Bit, 1)[0] = 1;
  // Else what is cut off or broken becomes a picture with holes.
  library.view(options + optionsFields.strictDecoding, 1)[0] = 1;
  return library.resultOf((result) => {
    library.call(c._heif_decode_image, handle, result, heif.colorspaceRgb, chroma, options);
  });
}

function describe(error: unknown, { wantedMore }: Libheif, format: string): Pick<Refused, 'code' | 'message'> {
  if (error instanceof Refusal) return { code: error.code, message: error.message };
  if (wantedMore) return { code: 'IMAGE_TOO_LARGE', message: `The ${format} image takes more memory than it may` };
  if (error instanceof LibheifError && isUnsupported(error)) {
    const message = `The file is ${format} with what is not read: ${namedBy(error)}`;
    return { code: 'UNSUPPORTED_MEDIA_TYPE', message };
  }
  return { code: 'INVALID_IMAGE', message: `The ${format} image is broken or cut off` };
}

function isUnsupported({ code, subcode }: LibheifError): boolean {
  return code === heif.unsupportedFiletype || code === heif.unsupportedFeature || subcode === heif.noMatchingDecoder;
}

/** libheif's words, without the bytes of a file that it may repeat, and short enough for an answer. */
function namedBy({ message }: LibheifError): string {
  return message.replace(/[^\x20-\x7e]/g, '').slice(0, 120);
}
