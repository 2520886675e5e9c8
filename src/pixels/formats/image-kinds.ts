import { SemblanceError } from '../../base/errors.js';

export interface ImageKind {
  readonly container: string;
  /** Completes "a file of this container with …". */
  readonly feature: string;
  /** 'refused', or what of it is decoded. */
  readonly outcome: string;
}

/** By heif-worker.ts, whose message says which of these it is. */
const byDecoder = 'refused, with the reason';

/**
 * Per container and feature, what becomes of an intact file. docs/limits.md shows the same table, and a test compares.
 * What is refused here is refused by name: libvips would call it broken, or show another picture.
 */
export const imageKinds = {
  jpeg: {
    container: 'JPEG',
    feature: '8 bits a sample: grey, YCbCr, RGB, CMYK; baseline, progressive, lossless',
    outcome: 'decoded',
  },
  jpegSeveral: {
    container: 'JPEG',
    feature: 'further pictures or a gain map (MPO, Ultra HDR)',
    outcome: 'the first picture',
  },
  jpegDeep: { container: 'JPEG', feature: 'more than 8 bits a sample', outcome: 'refused' },
  jpegHierarchical: { container: 'JPEG', feature: 'hierarchical, or lossless arithmetic coding', outcome: 'refused' },
  jpegLs: { container: 'JPEG', feature: 'JPEG-LS coding', outcome: 'refused' },
  png: { container: 'PNG', feature: '1 to 16 bits a sample, palettes, transparency', outcome: 'decoded' },
  pngAnimated: { container: 'PNG', feature: 'an animation (APNG)', outcome: 'the still picture' },
  pngApple: { container: 'PNG', feature: "Apple's changes for iOS apps (CgBI)", outcome: 'refused' },
  webp: { container: 'WebP', feature: 'lossy or lossless coding, transparency', outcome: 'decoded' },
  webpAnimated: { container: 'WebP', feature: 'an animation', outcome: 'the first frame' },
  gif: {
    container: 'GIF',
    feature: 'one frame or more',
    outcome: 'the first frame; what it leaves uncovered is transparent',
  },
  avif: { container: 'AVIF', feature: '8, 10 or 12 bits a sample, grids, transparency', outcome: 'decoded' },
  avifSequence: { container: 'AVIF', feature: 'a sequence that has a still picture', outcome: 'the still picture' },
  avifSequenceOnly: { container: 'AVIF', feature: 'a sequence and no still picture', outcome: 'refused' },
  avifUnturnedAlpha: {
    container: 'AVIF',
    feature: 'transparency that is turned otherwise than the colours (libavif until 1.3.0)',
    outcome: 'refused',
  },
  heif: {
    container: 'HEIC',
    feature: 'HEVC of 8, 10 or 12 bits, any chroma, grey; tiles in a grid; overlays; alpha',
    outcome: 'decoded, at 8 bits',
  },
  heifTurned: {
    container: 'HEIC',
    feature: 'rotation, mirroring, clean aperture',
    outcome: 'applied; EXIF orientation is not, as the format wants it',
  },
  heifColours: {
    container: 'HEIC',
    feature: 'a profile (ICC), or Display P3 by numbers (nclx)',
    outcome: 'converted to sRGB',
  },
  heifSeveral: {
    container: 'HEIC',
    feature: 'gain maps, depth, thumbnails, auxiliary and further images',
    outcome: 'the primary image alone',
  },
  heifRange: {
    container: 'HEIC',
    feature: 'high dynamic range (PQ, HLG); BT.2020 and other colours without a profile',
    outcome: byDecoder,
  },
  heifCodecs: {
    container: 'HEIC',
    feature: 'AV1, AVC, VVC, EVC, JPEG, JPEG 2000 or uncompressed images; AVIF is a format of its own',
    outcome: byDecoder,
  },
  heifPredicted: {
    container: 'HEIC',
    feature: 'a sequence without a still image; predictively coded images',
    outcome: byDecoder,
  },
  heifAperture: {
    container: 'HEIC',
    feature: 'a clean aperture more than 64 pixels smaller on both sides than the coded picture',
    outcome: byDecoder,
  },
  tiff: { container: 'TIFF', feature: '8 or 16 bits a sample: grey, RGB, CMYK', outcome: 'decoded' },
  tiffFewBits: { container: 'TIFF', feature: '1, 2 or 4 bits a sample: grey, palettes', outcome: 'decoded' },
  tiffLab: { container: 'TIFF', feature: '8 or 16 bits a sample: CIE L*a*b*, ICC L*a*b*', outcome: 'decoded' },
  tiffFloat: {
    container: 'TIFF',
    feature: '32-bit floating-point samples from 0 to 1, or whole ones from 0 to 255',
    outcome: 'decoded, 0 as black',
  },
  tiffExtraBands: {
    container: 'TIFF',
    feature: 'bands beside the colours, at most 16 bands in all',
    outcome: 'decoded; only a band that is declared alpha counts',
  },
  tiffPages: {
    container: 'TIFF',
    feature: 'several directories',
    outcome: 'the first that is not declared a reduced picture or a mask',
  },
  tiffCompressions: {
    container: 'TIFF',
    feature: 'no compression, or CCITT, LZW, Deflate, PackBits, JPEG, WebP, NeXT, ThunderScan',
    outcome: 'decoded',
  },
  tiffZstandard: { container: 'TIFF', feature: 'Zstandard compression', outcome: 'refused' },
  tiffLzma: { container: 'TIFF', feature: 'LZMA compression', outcome: 'refused' },
  tiffLerc: { container: 'TIFF', feature: 'LERC compression', outcome: 'refused' },
  tiffOldJpeg: { container: 'TIFF', feature: 'old-style JPEG compression', outcome: 'refused' },
  tiffJpeg2000: { container: 'TIFF', feature: 'JPEG 2000 compression', outcome: 'refused' },
  tiffOtherCompression: {
    container: 'TIFF',
    feature: 'another compression (JPEG XL, JPEG XR, PNG, JBIG, LogLuv, PixarLog …)',
    outcome: 'refused',
  },
  tiffSigned: { container: 'TIFF', feature: 'signed samples', outcome: 'refused' },
  tiffComplex: { container: 'TIFF', feature: 'complex samples', outcome: 'refused' },
  tiffFloatSize: { container: 'TIFF', feature: 'floating-point samples of 16, 24 or 64 bits', outcome: 'refused' },
  tiffFloatRange: { container: 'TIFF', feature: 'floating-point samples beyond 0 to 1', outcome: 'refused' },
  tiffFloatProfile: { container: 'TIFF', feature: 'floating-point samples and a colour profile', outcome: 'refused' },
  tiffSampleSize: {
    container: 'TIFF',
    feature: 'samples of another size (12 or 32 bits, for example)',
    outcome: 'refused',
  },
  tiffUnequalSamples: { container: 'TIFF', feature: 'samples of unequal size or type', outcome: 'refused' },
  tiffTiledPlanes: { container: 'TIFF', feature: 'tiles in separate planes', outcome: 'refused' },
  tiffYcbcr: { container: 'TIFF', feature: 'YCbCr colours without JPEG compression', outcome: 'refused' },
  tiffInks: { container: 'TIFF', feature: 'inks other than CMYK', outcome: 'refused' },
  tiffPaletteBands: { container: 'TIFF', feature: 'a palette and further bands', outcome: 'refused' },
  tiffPremultiplied: {
    container: 'TIFF',
    feature: 'premultiplied alpha on CMYK, L*a*b* or floating-point colours',
    outcome: 'refused',
  },
  tiffManyBands: { container: 'TIFF', feature: 'more than 16 bands', outcome: 'refused' },
  tiffUndeclared: {
    container: 'TIFF',
    feature: 'colours that it does not declare (PhotometricInterpretation)',
    outcome: 'refused',
  },
  tiffColours: { container: 'TIFF', feature: 'other colours (LogLuv, ITU L*a*b*, a mask alone)', outcome: 'refused' },
  raw: {
    container: 'Raw photograph',
    feature: 'DNG, CR2, NEF, NRW, ARW, SR2, PEF, IIQ, 3FR, ERF, MEF, MOS, SRW: TIFF by their first bytes',
    outcome: 'refused',
  },
} as const satisfies Readonly<Record<string, ImageKind>>;

export type RefusedKind = {
  [Name in keyof typeof imageKinds]: (typeof imageKinds)[Name]['outcome'] extends 'refused' ? Name : never;
}[keyof typeof imageKinds];

/** UNSUPPORTED_MEDIA_TYPE that names what is not supported. */
export function unsupported(name: RefusedKind): SemblanceError {
  const { container, feature } = imageKinds[name];
  return new SemblanceError(
    'UNSUPPORTED_MEDIA_TYPE',
    name === 'raw'
      ? 'The file is a raw photograph, which is not supported; export it as JPEG, PNG or TIFF'
      : `The file is ${container} with ${feature}, which is not supported`,
  );
}
