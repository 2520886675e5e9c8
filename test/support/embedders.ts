import { onTestFinished } from 'vitest';
import type { Embedder } from '../../src/models/embedder/embedder.js';
import { openEmbedder } from '../../src/models/embedder/open-embedder.js';
import type { DecodedImage } from '../../src/pixels/decode/decoded-image.js';
import type { Priority } from '../../src/base/concurrency/priority.js';
import { bundledModelsFolder } from '../../src/base/paths.js';
import { smallModel } from './small-model.js';

/** Opens a model in a worker of the built program, waits until it is ready or failed, and closes it after the test. */
export async function settledEmbedder(model = smallModel): Promise<Embedder> {
  const embedder = openEmbedder({ model, dataDir: bundledModelsFolder, threads: 1 });
  onTestFinished(() => embedder.close());
  await embedder.settled;
  return embedder;
}

export async function embedImage(
  embedder: Embedder,
  image: DecodedImage,
  priority: Priority,
  signal?: AbortSignal,
): Promise<Float32Array> {
  return embedder.embed(await embedder.prepare(image, priority), priority, signal);
}
