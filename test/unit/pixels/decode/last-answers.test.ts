import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import { maxImagePixels } from '../../../../src/base/limits.js';
import { packageRoot } from '../../../../src/base/paths.js';
import { makePng } from '../../../support/make-image.js';

vi.mock('../../../../src/base/paths.js', async (importOriginal) => ({
  ...(await importOriginal<typeof import('../../../../src/base/paths.js')>()),
  workerUrl: () => pathToFileURL(join(packageRoot, 'test', 'support', 'lingering-decoder.mjs')),
}));

it('a decoder process whose answer is its last gets no other file, though it has not ended yet', async () => {
  const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
  onTestFinished(() => decoder.close());
  const image = await makePng(1);
  const pids = new Set<number | undefined>();
  for (let file = 0; file < 2; file++) {
    await decoder.decode(image, 'bulk');
    pids.add(decoder.processes.at(-1)?.pid);
  }
  expect(pids.size).toBe(2);
});
