import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing } from '../../base/disk.js';

/** Beside the manifest: what was installed, where it came from, and what it was checked against. */
export const lockFileName = 'model-lock.json';

const lockSchema = z.object({
  lockVersion: z.literal(1),
  model: z.string(),
  source: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('hub'),
      endpoint: z.string(),
      repo: z.string(),
      revision: z.string(),
      /** Commit that the revision stood for, where the hub said so. */
      commit: z.string().optional(),
      path: z.string(),
      /** Both files of a model whose graph and weights were joined to one. */
      joined: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string() })).optional(),
    }),
    z.object({ kind: z.literal('file'), filename: z.string() }),
  ]),
  file: z.string(),
  bytes: z.number(),
  /** Lower-case hex. */
  sha256: z.string(),
  /** Who stated the checksum before the file was seen: nobody for a file of one's own. */
  statedBy: z.array(z.enum(['hub', 'catalogue'])),
  /** The facts in which it differs from the catalogue, which somebody accepted. */
  accepted: z.array(z.string()).optional(),
  /** The licence that somebody agreed to. */
  acceptedLicense: z.string().optional(),
  installedAt: z.string(),
});

export type ModelLock = Readonly<z.infer<typeof lockSchema>>;

export async function writeLock(folder: string, lock: ModelLock): Promise<void> {
  await writeFile(join(folder, lockFileName), `${JSON.stringify(lock, undefined, 2)}\n`, { flag: 'wx', flush: true });
}

/** Undefined where there is none; 'broken' where it is none of ours. */
export async function readLock(folder: string): Promise<ModelLock | 'broken' | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, lockFileName), 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return lockSchema.parse(JSON.parse(text));
  } catch {
    return 'broken';
  }
}
