import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { z } from 'zod';
import { describeInvalid, messageOf } from '../base/errors.js';
import type { Transparency } from '../pixels/transparency.js';
import { bundledModelsFolder } from '../base/paths.js';
import { goldenRule } from './golden.js';
import { manifestSchema, staysInside, type Manifest, type ManifestFields } from './manifest-schema.js';
import { ModelError, ModelNotFoundError } from './model-error.js';
import { howToGet } from './remedy.js';

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
