import { SemblanceError } from '../base/errors.js';
import { isDecodeRefusal } from '../pixels/decode/decoder-messages.js';
import { makeGrey } from '../pixels/grey.js';
import { maxConcurrentDecodes } from '../base/limits.js';
import type { OperationsContext } from '../spaces/context.js';
import { overAll } from '../spaces/stored-images.js';

type Parts = Pick<OperationsContext, 'store' | 'decoder'>;

/**
 * Grey renditions of stored images. One that an earlier version stored without, or with another, gets its own here, once. Images
 * that are gone, or that no longer decode, have none.
 * @throws SemblanceError OVERLOADED, DATABASE_UNAVAILABLE
 */
export async function readGreys(
  parts: Parts,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Buffer>> {
  const greys = new Map(await parts.store.readGreys(ids));
  const addTo = async (id: string): Promise<void> => {
    const grey = await addGrey(parts, id, signal);
    if (grey !== undefined) greys.set(id, grey);
  };
  const missing = ids.filter((id) => !greys.has(id));
  // An original in work is in memory as a whole, and a queue full of them would refuse other queries.
  await overAll(missing, addTo, { concurrency: maxConcurrentDecodes, signal });
  signal?.throwIfAborted();
  return greys;
}

async function addGrey({ store, decoder }: Parts, id: string, signal?: AbortSignal): Promise<Buffer | undefined> {
  signal?.throwIfAborted();
  const original = await store.readOriginal(id);
  if (original === undefined) return undefined;
  try {
    const grey = await decoder.use(original.bytes, 'query', makeGrey, signal);
    // The search needs the grey alone. A standby takes no writes, and a full disk neither.
    await store.writeGrey(id, grey).catch(toleratingRefusal);
    return grey;
  } catch (error) {
    if (isDecodeRefusal(error)) return undefined;
    throw error;
  }
}

function toleratingRefusal(error: unknown): void {
  if (!(error instanceof SemblanceError)) throw error;
}
