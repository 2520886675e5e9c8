import { availableParallelism, cpus } from 'node:os';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, messageOf } from '../base/errors.js';
import { maxEmbeddingBatch } from '../base/limits.js';
import { errorCode, isMissing, throwDiskError } from '../base/disk.js';

/** How a model is run: what `models bench` found to serve best on a machine. */
export interface ServingSettings {
  /** Threads of one run. */
  readonly threads: number;
  /** Most images of one run. */
  readonly batchImages: number;
}

/** The machine that figures were taken on; they say nothing of another. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
}

export type StoredSettings =
  /** Nothing is stored for these weights. */
  | { readonly kind: 'none' }
  | { readonly kind: 'stored'; readonly settings: ServingSettings }
  /** There is something, and it is not to be used; a sentence without its full stop. */
  | { readonly kind: 'unusable'; readonly reason: string };

const fileName = 'settings.json';

const entrySchema = z.object({
  /** For whoever reads the file: the key, the weights' SHA-256, decides. */
  model: z.string(),
  threads: z.int().min(1).max(64),
  batchImages: z.int().min(1).max(maxEmbeddingBatch),
  cores: z.int().min(1),
  processor: z.string(),
  imagesPerSecond: z.number().positive(),
  /** Median of one image by itself. */
  latencyMs: z.number().positive(),
  measuredAt: z.string(),
});

const fileSchema = z.object({ settingsVersion: z.literal(1), models: z.record(z.string(), entrySchema) });

export type SettingsEntry = Readonly<z.infer<typeof entrySchema>>;
type SettingsFile = z.infer<typeof fileSchema>;

export function thisMachine(): Machine {
  return { cores: availableParallelism(), processor: cpus()[0]?.model.trim() ?? '' };
}

/** @param models absolute path of `models/` of the data folder */
export function settingsPath(models: string): string {
  return join(models, fileName);
}

/**
 * Never rejects: a server runs without settings too.
 * @param sha256 of the weights
 */
export async function readSettings(models: string, sha256: string, machine = thisMachine()): Promise<StoredSettings> {
  const file = await readSettingsFile(models).catch(messageOf);
  if (typeof file === 'string') return { kind: 'unusable', reason: `${file}, so that it is not used` };
  const entry = file.models[sha256];
  if (entry === undefined) return { kind: 'none' };
  if (entry.cores !== machine.cores || entry.processor !== machine.processor) {
    return {
      kind: 'unusable',
      reason: `${settingsPath(models)} holds settings that were measured on ${entry.cores} cores of ${JSON.stringify(entry.processor)}, and this machine has ${machine.cores} of ${JSON.stringify(machine.processor)}, so that they are not used`,
    };
  }
  return { kind: 'stored', settings: { threads: entry.threads, batchImages: entry.batchImages } };
}

/**
 * Puts one model's settings beside those of the others, in one rename.
 * @returns why what was there is replaced as a whole; undefined where it was kept
 * @throws ConfigurationError where the file is there and cannot be read, or the folder cannot be written
 */
export async function storeSettings(models: string, sha256: string, entry: SettingsEntry): Promise<string | undefined> {
  const file = await readSettingsFile(models);
  const kept = typeof file === 'string' ? {} : file.models;
  const next: SettingsFile = { settingsVersion: 1, models: { ...kept, [sha256]: entry } };
  const temporary = `${settingsPath(models)}.${process.pid}.part`;
  try {
    await mkdir(models, { recursive: true });
    await writeFile(temporary, `${JSON.stringify(next, undefined, 2)}\n`, { flush: true });
    await rename(temporary, settingsPath(models));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throwDiskError(error, models);
  }
  return typeof file === 'string' ? file : undefined;
}

/**
 * A sentence without its end says what is wrong with what the file holds.
 * @throws ConfigurationError, such a sentence, too, where it is there and cannot be read
 */
async function readSettingsFile(models: string): Promise<SettingsFile | string> {
  const path = settingsPath(models);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return { settingsVersion: 1, models: {} };
    throw new ConfigurationError(`${path} cannot be read (${errorCode(error) ?? messageOf(error)})`, { cause: error });
  }
  try {
    const parsed = fileSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return `${path} is damaged at ${issue?.path.join('.') ?? ''} (${issue?.message ?? ''})`;
  } catch {
    return `${path} is not JSON`;
  }
}
