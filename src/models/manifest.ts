import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { describeInvalid, messageOf } from '../base/errors.js';
import type { Transparency } from '../pixels/transparency.js';
import { maxModelDimensions } from '../base/limits.js';
import { bundledModelsFolder } from '../base/paths.js';
import { goldenRule } from './golden.js';
import { ModelError, ModelNotFoundError } from './model-error.js';
import { howToGet } from './remedy.js';

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
    /** Of the resized image; where it is smaller, black surrounds it. */
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

/** Of what else a manifest says (architecture, training, measured scores) nothing is needed to run the model. */
const manifestSchema = z.object(
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

/** The model that the first space of an empty database is made with. */
export const defaultModel = 'semblance-hybrid';
const manifestFile = 'manifest.json';

/**
 * Finds a model and reads its manifest.
 * @param model a folder's name under the bundled models or `<dataDir>/models`, or a path to such a folder (it has a
 *   separator); undefined: the default one
 * @throws ModelError
 */
export async function loadModelManifest(model: string | undefined, dataDir: string): Promise<Manifest> {
  const name = model ?? defaultModel;
  const isPath = name.includes('/') || name.includes(sep) || name === '.' || name === '..';
  const folders = isPath ? [resolve(name)] : [join(bundledModelsFolder, name), join(dataDir, 'models', name)];
  for (const folder of folders) {
    const found = await readManifestText(folder);
    if (found !== undefined) return await checkManifest(folder, found);
  }
  throw new ModelNotFoundError(
    isPath
      ? `Model ${JSON.stringify(name)} was not found: that folder has no ${manifestFile}`
      : `Model ${JSON.stringify(name)} was not found: neither the bundled models nor the data folder's models/ have ${name}/${manifestFile}; ${howToGet(name)}`,
  );
}

/** @throws ModelError if the folder has no manifest, or naming every field that is wrong */
export async function loadManifest(folder: string): Promise<Manifest> {
  const found = await readManifestText(folder);
  if (found === undefined) throw new ModelError(`The model's folder has no ${manifestFile}`);
  return await checkManifest(folder, found);
}

async function readManifestText(folder: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, manifestFile), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ModelError(`${manifestFile} of the model cannot be read (${code ?? messageOf(error)})`, { cause: error });
  }
}

async function checkManifest(folder: string, json: string): Promise<Manifest> {
  const fields = parseManifest(json);
  const { input, preprocessing, output } = fields;
  return {
    ...fields,
    weightsPath: await findWeights(folder, fields.file),
    preprocessingSha256: hashOf({ input, preprocessing, output, transparency: 'contrast' satisfies Transparency }),
    whitePreprocessingSha256: hashOf({ input, preprocessing, output }),
  };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

/** @throws ModelError naming every field that is wrong */
export function parseManifest(json: string): ManifestFields {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (error) {
    throw new ModelError(`${manifestFile} of the model is not JSON: ${messageOf(error)}`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(raw);
  const problems = parsed.success
    ? findContradictions(parsed.data)
    : parsed.error.issues.map((issue) => describeIssue(raw, issue));
  if (problems.length > 0) throw new ModelError(`${manifestFile} of the model: ${problems.join('; ')}`);
  return parsed.data as ManifestFields;
}

function describeIssue(raw: unknown, issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return describeInvalid(path.join('.'), 'only known fields', issue.keys);
  const received = path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
    raw,
  );
  return describeInvalid(path.join('.') || manifestFile, issue.message, received);
}

/** What each field allows by itself but not beside the others. */
function findContradictions({ input, preprocessing, output, golden }: ManifestFields): readonly string[] {
  const problems: string[] = [];
  const crop = preprocessing.centerCrop ?? ('width' in preprocessing.resize ? preprocessing.resize : undefined);
  if (crop === undefined) {
    problems.push(
      describeInvalid('preprocessing.centerCrop', 'a size, as the resize keeps the aspect ratio', undefined),
    );
  } else if (crop.width !== input.width || crop.height !== input.height) {
    const name = preprocessing.centerCrop === undefined ? 'preprocessing.resize' : 'preprocessing.centerCrop';
    problems.push(describeInvalid(name, `the input's size, ${input.width}x${input.height},`, crop));
  }
  if (input.type === 'uint8') {
    for (const field of ['rescale', 'mean', 'std'] as const) {
      if (preprocessing[field] === undefined) continue;
      problems.push(describeInvalid(`preprocessing.${field}`, 'nothing, as the input is uint8,', preprocessing[field]));
    }
  }
  if (output.pooling === 'cls+mean' && output.dimensions % 2 !== 0) {
    problems.push(
      describeInvalid('output.dimensions', 'an even number, as cls+mean joins two vectors,', output.dimensions),
    );
  }
  const rule = goldenRule(input);
  if (golden.tensor !== rule) problems.push(describeInvalid('golden.tensor', JSON.stringify(rule), golden.tensor));
  if (golden.embedding.length !== output.dimensions) {
    problems.push(describeInvalid('golden.embedding', `${output.dimensions} numbers`, golden.embedding.length));
  }
  return problems;
}

function staysInside(file: string): boolean {
  return !isAbsolute(file) && !file.split(/[/\\]/).includes('..');
}

/** @throws ModelError if the weights are missing or, through a link, outside of the model's folder */
async function findWeights(folder: string, file: string): Promise<string> {
  try {
    const path = await realpath(join(folder, file));
    if (staysInside(relative(await realpath(folder), path))) return path;
  } catch (error) {
    throw new ModelError(
      `The model's file ${JSON.stringify(file)} cannot be read (${(error as NodeJS.ErrnoException).code ?? messageOf(error)})`,
      {
        cause: error,
      },
    );
  }
  throw new ModelError(`The model's file ${JSON.stringify(file)} leads out of the model's folder`);
}

/** JSON with sorted keys and no white space. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`);
  return `{${entries.join(',')}}`;
}
