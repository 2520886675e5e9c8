import { unsupported, type RefusedKind } from './image-kinds.js';
import { maxBands, type SampleLayout } from './samples.js';
import { readTiffDirectories, tiffTags, type TiffDirectory } from './tiff-directories.js';

/** Which picture of a TIFF is meant, and how its samples are to be read. */
export interface TiffPicture {
  /** Number of the directory in the file's chain. */
  readonly page: number;
  /** Number among the directories that this one points at, where the picture is one of those. */
  readonly subifd?: number;
  /** Absent where libvips reads the picture right by itself. */
  readonly samples?: SampleLayout;
  /** As libvips is to see the file: where it has no reading of the colours, the samples pass for grey or RGB. */
  readonly bytes: Buffer;
}

/** PhotometricInterpretation. */
const photometric = {
  whiteIsZero: 0,
  blackIsZero: 1,
  rgb: 2,
  palette: 3,
  separated: 5,
  ycbcr: 6,
  cieLab: 8,
  iccLab: 9,
};
const rawPhotometric: ReadonlySet<number> = new Set([32803, 34892]);
const rawTags = [
  tiffTags.dngVersion,
  tiffTags.cfaPattern,
  tiffTags.cfaRepeatPattern,
  tiffTags.leafData,
  tiffTags.imaconData,
] as const;
/** Of Sony, Samsung, Nikon, Kodak and Pentax. */
const rawCompressions: ReadonlySet<number> = new Set([32767, 32769, 32770, 34713, 65000, 65535]);

const jpegCompression = 7;
const compressions: ReadonlySet<number> = new Set([
  1,
  2,
  3,
  4,
  5,
  jpegCompression,
  8,
  32766,
  32771,
  32773,
  32809,
  32946,
  50001,
]);
const refusedCompressions: Readonly<Record<number, RefusedKind>> = {
  6: 'tiffOldJpeg',
  33003: 'tiffJpeg2000',
  33004: 'tiffJpeg2000',
  33005: 'tiffJpeg2000',
  34712: 'tiffJpeg2000',
  34887: 'tiffLerc',
  34925: 'tiffLzma',
  50000: 'tiffZstandard',
};

/** SampleFormat. */
const formats = { unsigned: 1, signed: 2, float: 3, undefined: 4 };

/** ExtraSamples. */
const associatedAlpha = 1;
const unassociatedAlpha = 2;

const colourBandsOf = { palette: 1, grey: 1, rgb: 3, lab: 3, 'icc-lab': 3, cmyk: 4 } as const;

/**
 * @returns undefined where the file has no directory that can be read: it is broken, which libvips says
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE
 */
export function chooseTiffPicture(file: Buffer): TiffPicture | undefined {
  const chain = readTiffDirectories(file);
  if (isRaw(file, chain)) throw unsupported('raw');
  const choice = choose(chain);
  if (choice === undefined) return undefined;
  const { directory, ...place } = choice;
  const samples = describeSamples(directory);
  if (samples === undefined) return { ...place, bytes: file };
  const isReadable = samples.colours === 'cmyk' || samples.colours === 'srgb';
  const standIn = samples.colours === 'grey' ? photometric.blackIsZero : photometric.rgb;
  return { ...place, samples, bytes: isReadable ? file : directory.withValue(tiffTags.photometric, standIn) };
}

function isRaw(file: Buffer, chain: readonly TiffDirectory[]): boolean {
  const mark = file.toString('latin1', 8, 12);
  // Canon's CR2, Phase One's IIQ.
  if (mark.startsWith('CR') || mark === 'IIII' || mark === 'MMMM') return true;
  return chain
    .flatMap((directory) => [directory, ...directory.children])
    .some(
      (directory) =>
        rawTags.some((tag) => directory.has(tag)) ||
        rawPhotometric.has(first(directory, tiffTags.photometric) ?? -1) ||
        rawCompressions.has(first(directory, tiffTags.compression) ?? -1),
    );
}

/** Cameras, scanners and Photoshop put thumbnails beside the picture, or before it. */
function choose(
  chain: readonly TiffDirectory[],
): { readonly directory: TiffDirectory; readonly page: number; readonly subifd?: number } | undefined {
  const page = chain.findIndex(isWhole);
  const found = chain[page];
  if (found !== undefined) return { directory: found, page };
  const [leading] = chain;
  if (leading === undefined) return undefined;
  const subifd = leading.children.findIndex(isWhole);
  const child = leading.children[subifd];
  return child === undefined ? { directory: leading, page: 0 } : { directory: child, page: 0, subifd };
}

/** Neither a reduced picture nor a mask; the older SubfileType says 2 of a reduced one. */
function isWhole(directory: TiffDirectory): boolean {
  return (
    ((first(directory, tiffTags.newSubfileType) ?? 0) & 0b101) === 0 && first(directory, tiffTags.subfileType) !== 2
  );
}

/** @returns undefined where libvips reads them right */
function describeSamples(directory: TiffDirectory): SampleLayout | undefined {
  const compression = first(directory, tiffTags.compression) ?? 1;
  if (!compressions.has(compression)) throw unsupported(refusedCompressions[compression] ?? 'tiffOtherCompression');
  const bands = first(directory, tiffTags.samplesPerPixel) ?? 1;
  if (bands > maxBands) throw unsupported('tiffManyBands');
  const isPlanar = first(directory, tiffTags.planarConfiguration) === 2;
  if (isPlanar && bands > 1 && directory.has(tiffTags.tileWidth)) throw unsupported('tiffTiledPlanes');

  const interpretation = first(directory, tiffTags.photometric);
  if (interpretation === undefined) throw unsupported('tiffUndeclared');
  const colours = coloursOf(interpretation, directory, compression);
  const type = sampleType(directory, colours);
  const colourBands = colourBandsOf[colours];
  const extras = extraBands(directory, bands - colourBands);
  const alpha = extras.findIndex(isAlpha);
  const hasProfile = directory.has(tiffTags.iccProfile);
  if (colours === 'palette') {
    if (extras.length > 0) throw unsupported('tiffPaletteBands');
    return undefined;
  }
  const isManaged = type !== 'float' && (colours === 'grey' || colours === 'rgb' || (colours === 'cmyk' && hasProfile));
  if (isManaged) {
    const isRead = extras.length === 0 || (extras.length === 1 && alpha === 0);
    // libvips spreads grey over red, green and blue, and makes them of inks.
    return isRead
      ? undefined
      : layout('srgb', { type: 'uchar', bands: 3 + extras.length, alphaBand: 3 + alpha, alpha });
  }
  if (type === 'float' && hasProfile) throw unsupported('tiffFloatProfile');
  if (extras[alpha] === associatedAlpha) throw unsupported('tiffPremultiplied');
  const isInverted = interpretation === photometric.whiteIsZero;
  return layout(colours, { type, bands, alphaBand: colourBands + alpha, alpha, isInverted });
}

function layout(
  colours: SampleLayout['colours'],
  {
    type,
    bands,
    alphaBand,
    alpha,
    isInverted = false,
  }: Omit<SampleLayout, 'colours' | 'isInverted'> & {
    readonly alpha: number;
    readonly isInverted?: boolean;
  },
): SampleLayout {
  return { colours, type, bands, isInverted, alphaBand: alpha === -1 ? undefined : alphaBand };
}

function coloursOf(interpretation: number, directory: TiffDirectory, compression: number): keyof typeof colourBandsOf {
  switch (interpretation) {
    case photometric.whiteIsZero:
    case photometric.blackIsZero:
      return 'grey';
    case photometric.rgb:
      return 'rgb';
    case photometric.palette:
      return 'palette';
    case photometric.separated:
      if ((first(directory, tiffTags.inkSet) ?? 1) !== 1) throw unsupported('tiffInks');
      return 'cmyk';
    case photometric.ycbcr:
      // libjpeg turns it into RGB.
      if (compression !== jpegCompression) throw unsupported('tiffYcbcr');
      return 'rgb';
    case photometric.cieLab:
      return 'lab';
    case photometric.iccLab:
      return 'icc-lab';
    default:
      throw unsupported('tiffColours');
  }
}

/** @throws SemblanceError UNSUPPORTED_MEDIA_TYPE */
function sampleType(directory: TiffDirectory, colours: keyof typeof colourBandsOf): SampleLayout['type'] {
  const bits = same(directory.values(tiffTags.bitsPerSample)) ?? 1;
  const format = same(directory.values(tiffTags.sampleFormat)) ?? formats.unsigned;
  switch (format) {
    case formats.unsigned:
    case formats.undefined:
      break;
    case formats.signed:
      // a* and b* are signed, whatever is declared of the three.
      if (colours === 'lab') break;
      throw unsupported('tiffSigned');
    case formats.float:
      if (bits !== 32) throw unsupported('tiffFloatSize');
      if (colours === 'grey' || colours === 'rgb') return 'float';
      throw unsupported('tiffSampleSize');
    default:
      throw unsupported('tiffComplex');
  }
  if (!(colours === 'grey' || colours === 'palette' ? [1, 2, 4, 8, 16] : [8, 16]).includes(bits)) {
    throw unsupported('tiffSampleSize');
  }
  return bits === 16 ? 'ushort' : 'uchar';
}

/** What each band beside the colours is, as ExtraSamples says. One that nothing is said of is taken for alpha, as by Pillow. */
function extraBands(directory: TiffDirectory, count: number): readonly number[] {
  if (count <= 0) return [];
  const declared = directory.values(tiffTags.extraSamples);
  if (declared.length === 0 && count === 1) return [unassociatedAlpha];
  return Array.from({ length: count }, (_, index) => declared[index] ?? 0);
}

function isAlpha(extra: number): boolean {
  return extra === associatedAlpha || extra === unassociatedAlpha;
}

/** @throws SemblanceError UNSUPPORTED_MEDIA_TYPE where they differ */
function same(values: readonly number[]): number | undefined {
  if (values.some((value) => value !== values[0])) throw unsupported('tiffUnequalSamples');
  return values[0];
}

function first(directory: TiffDirectory, tag: number): number | undefined {
  return directory.values(tag)[0];
}
