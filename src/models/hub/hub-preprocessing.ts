import { z } from 'zod';
import type { ManifestFields } from '../manifest-schema.js';

type Preprocessing = ManifestFields['preprocessing'];
type Resize = Preprocessing['resize'];

interface Sides {
  readonly width: number;
  readonly height: number;
}

/** The file beside the weights that says how transformers' image processors prepare images for them. */
export const preprocessorFile = 'preprocessor_config.json';

const side = z.int().positive();
const rectangle = z.object({ height: side, width: side });
const channels = z.tuple([z.number(), z.number(), z.number()]);

/** What of it makes pixels. A field that is absent or null is the class's own default, which is not known here. */
const configSchema = z.object({
  do_resize: z.boolean().nullish(),
  size: z.union([side, rectangle, z.object({ shortest_edge: side })]).nullish(),
  resample: z.int().nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: z.union([side, rectangle]).nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: channels.nullish(),
  image_std: channels.nullish(),
});

/** Pillow's numbers. */
const interpolations: Readonly<Record<number, Resize['interpolation']>> = {
  0: 'nearest',
  1: 'lanczos3',
  2: 'bilinear',
  3: 'bicubic',
};

/**
 * Reads how the hub's repository says that images are prepared. What it leaves open is taken from `known`.
 * @returns undefined where the text is no such configuration, or one that a manifest cannot say
 */
export function readPreprocessing(text: string, known: Preprocessing): Preprocessing | undefined {
  const config = parse(text);
  if (config === undefined || config.do_resize === false) return undefined;
  const interpolation = config.resample == null ? known.resize.interpolation : interpolations[config.resample];
  if (interpolation === undefined) return undefined;
  const crop = config.do_center_crop === false ? undefined : rectangleOf(config.crop_size);
  const centerCrop = config.do_center_crop === true ? (crop ?? known.centerCrop) : crop;
  const rescales = config.do_rescale !== false;
  const normalizes = config.do_normalize !== false;
  const mean = normalizes ? (config.image_mean ?? known.mean) : undefined;
  const std = normalizes ? (config.image_std ?? known.std) : undefined;
  return {
    resize: { ...(sidesOf(config.size, centerCrop !== undefined) ?? known.resize), interpolation },
    ...(centerCrop === undefined ? {} : { centerCrop }),
    ...(rescales ? { rescale: config.rescale_factor ?? known.rescale ?? 1 / 255 } : {}),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
  };
}

/** One clause for each part in which `found` prepares images otherwise than `known`. */
export function preprocessingDifferences(found: Preprocessing, known: Preprocessing): readonly string[] {
  const parts = [describe(found), describe(known)] as const;
  return Object.keys(parts[1]).flatMap((part) => {
    const [has, says] = [parts[0][part], parts[1][part]];
    return has === says ? [] : [`images are prepared with ${part} ${has ?? 'none'}, and the catalogue says ${says ?? 'none'}`];
  });
}

/** The size that images have once they are prepared. */
export function preparedSize({ centerCrop, resize }: Preprocessing): Sides | undefined {
  return centerCrop ?? ('width' in resize ? { width: resize.width, height: resize.height } : undefined);
}

function parse(text: string): z.infer<typeof configSchema> | undefined {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A single number is the shortest side where a crop follows it, and both sides else. */
function sidesOf(size: z.infer<typeof configSchema>['size'], cropped: boolean): { readonly shortestEdge: number } | Sides | undefined {
  if (typeof size === 'number' && cropped) return { shortestEdge: size };
  if (typeof size === 'object' && size !== null && 'shortest_edge' in size) return { shortestEdge: size.shortest_edge };
  return rectangleOf(size);
}

function rectangleOf(size: z.infer<typeof configSchema>['crop_size']): Sides | undefined {
  if (size == null) return undefined;
  return typeof size === 'number' ? { width: size, height: size } : { width: size.width, height: size.height };
}

function describe({ resize, centerCrop, rescale, mean, std }: Preprocessing): Readonly<Record<string, string | undefined>> {
  const sides =
    'shortestEdge' in resize
      ? `shortest side to ${resize.shortestEdge}`
      : 'longestEdge' in resize
        ? `longest side to ${resize.longestEdge}`
        : `${resize.width}x${resize.height}`;
  return {
    resize: sides,
    interpolation: resize.interpolation,
    'centre crop': centerCrop === undefined ? undefined : `${centerCrop.width}x${centerCrop.height}`,
    factor: rescale === undefined ? undefined : digits(rescale),
    mean: mean?.map(digits).join(' '),
    deviation: std?.map(digits).join(' '),
  };
}

/** A number with as many digits as tell float32 numbers apart. */
function digits(value: number): string {
  return String(Number(value.toPrecision(7)));
}
