/** What the bytes of an upload can turn out to be. */
export const mediaTypes = [
  'image/jpeg',
  'image/png',
  'image/webp',
  'image/avif',
  'image/gif',
  'image/tiff',
  'image/heic',
  'image/heif',
] as const;

export type MediaType = (typeof mediaTypes)[number];

/**
 * One decode of an upload: upright (EXIF orientation applied), 8-bit sRGB, alpha laid over a background, first frame of an
 * animation. Thumbnail, model input and every later feature start from here, so a file is decoded once.
 */
export interface DecodedImage {
  readonly mediaType: MediaType;
  /** Pixels, after orientation. */
  readonly width: number;
  readonly height: number;
  /** Row-major RGB, `width * height * 3` bytes; over white where the picture is transparent. */
  readonly pixels: Uint8Array;
  /** As `pixels`, over the background that shows a transparent picture best, where that is not white: see `composed`. */
  readonly contrasted?: Uint8Array | undefined;
}
