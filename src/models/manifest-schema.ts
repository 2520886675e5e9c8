import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { maxModelDimensions } from '../base/limits.js';

/** Every `error` below ends the sentence "Expected …": see `describeIssue`. */
const text = z.string({ error: 'a string' }).min(1, { error: 'a string that is not empty' });
const sha256 = z
  .string({ error: '64 lower-case hex digits' })
  .regex(/^[0-9a-f]{64}$/, { error: '64 lower-case hex digits' });
const number = z.number({ error: 'a number' });
const flag = z.boolean({ error: 'true or false' });

function integer(min: number, max: number) {
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function oneOf<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, { error: values.map((value) => JSON.stringify(value)).join(' or ') });
}

const maxInputPixels = 2048;
const side = integer(1, maxInputPixels);
const object = { error: 'an object' };
const perChannel = z.tuple([number, number, number], { error: 'three numbers' });
const interpolation = oneOf('bicubic', 'bilinear', 'lanczos3', 'nearest');

const inputSchema = z.strictObject(
  {
    name: text,
    /** Order of one image's elements in the tensor [n, …]. */
    layout: oneOf('NCHW', 'NHWC'),
    /** uint8: the model takes the crop as it is and normalises by itself. */
    type: oneOf('float32', 'uint8'),
    width: side,
    height: side,
  },
  object,
);

const preprocessingSchema = z.strictObject(
  {
    /** One side leads and the other follows in proportion, or both are given and the image is distorted. */
    resize: z.union(
      [
        z.strictObject({ shortestEdge: side, interpolation }),
        z.strictObject({ longestEdge: side, interpolation }),
        z.strictObject({ width: side, height: side, interpolation }),
      ],
      {
        error: `interpolation (${interpolation.options.join(', ')}) with shortestEdge, with longestEdge, or with width and height`,
      },
    ),
    /** The size that is cut from the middle of the resized image. Black surrounds an image that is smaller. */
    centerCrop: z.strictObject({ width: side, height: side }, object).optional(),
    /** A float32 element is `(byte * rescale - mean[channel]) / std[channel]`. */
    rescale: number.positive({ error: 'a positive number' }).optional(),
    mean: perChannel.optional(),
    std: z
      .tuple([number, number, number], { error: 'three positive numbers' })
      .refine((std) => std.every((value) => value > 0), { error: 'three positive numbers' })
      .optional(),
  },
  object,
);

const outputSchema = z.strictObject(
  {
    name: text,
    /**
     * none: the output is [n, dimensions]. Else it is [n, tokens, width], and the embedding is the first token (cls), the
     * mean of the tokens behind `prefixTokens` (mean), or the one followed by the other (cls+mean).
     */
    pooling: oneOf('none', 'cls', 'mean', 'cls+mean'),
    /** More than `embeddingDimensions` are projected by the space. */
    dimensions: integer(1, maxModelDimensions),
    /** Whether the model itself brings its output to norm 1. */
    normalized: flag,
    /** Class and register tokens ahead of the patches; unless stated, none for mean and one for cls+mean. */
    prefixTokens: integer(0, 64).optional(),
  },
  object,
);

/** The fields that running the model needs. A manifest may have others (architecture, training, measured scores), which are ignored. */
export const manifestSchema = z.object(
  {
    name: z.string({ error: 'a string' }).regex(/^[\w][\w.-]*$/, { error: 'letters, digits, ".", "_" and "-"' }),
    version: text,
    /** Relative to the manifest's folder, and inside it. */
    file: text.refine(staysInside, { error: "a relative path inside the model's folder" }),
    sha256,
    license: text,
    input: inputSchema,
    preprocessing: preprocessingSchema,
    output: outputSchema,
    golden: z.object(
      {
        /** How the golden input is made, in words: one of `goldenRule`. */
        tensor: text,
        /** What the model answers to it, at any norm. */
        embedding: z.array(number, { error: 'a list of numbers' }),
      },
      object,
    ),
  },
  object,
);

export type ManifestFields = Readonly<z.infer<typeof manifestSchema>>;

export interface Manifest extends ManifestFields {
  /** Absolute path of the weights. They are not verified yet. */
  readonly weightsPath: string;
  /** Lower-case hex: SHA-256 of the canonical JSON of `input`, `preprocessing`, `output` and `transparency`: `contrast`. */
  readonly preprocessingSha256: string;
  /** The same without `transparency`: what spaces were made with while transparent pictures were seen on white. */
  readonly whitePreprocessingSha256: string;
}

/** Whether a relative path leads to no file outside of its folder. */
export function staysInside(file: string): boolean {
  return !isAbsolute(file) && !file.split(/[/\\]/).includes('..');
}
