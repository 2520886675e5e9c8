import { onTestFinished } from 'vitest';
import { openEmbedders, type Embedders } from '../../src/models/embedder/embedders.js';
import { ImageDecoder } from '../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../src/pixels/decode/decoded-image.js';
import { imageIdOf, sha256Hex } from '../../src/base/identity.js';
import { bundledModelsFolder } from '../../src/base/paths.js';
import { openEncoders, type Encoders } from '../../src/methods/encoders.js';
import type { ImageSample } from '../../src/methods/samples.js';
import { fixtureBytes } from '../fixtures/images.js';
import { settledEmbedder } from './embedders.js';
import { makeJpeg } from './make-image.js';

export interface SpaceTools {
  readonly embedders: Embedders;
  readonly encoders: Encoders;
}

/** The bundled model and threads of the built program, closed after the test. */
export async function openSpaceTools(): Promise<SpaceTools> {
  const primary = await settledEmbedder();
  const embedders = openEmbedders({ primary, dataDir: bundledModelsFolder, threads: 1 });
  const encoders = openEncoders({ embedders, threads: 1 });
  onTestFinished(async () => {
    await encoders.close();
    await embedders.close();
  });
  return { embedders, encoders };
}

const decoder = new ImageDecoder({ maxPixels: 50_000_000, concurrency: 2, maxWaiting: 200 });

export function decodeFixture(file: string): Promise<DecodedImage> {
  return decoder.decode(fixtureBytes({ file }), 'bulk');
}

/** One colour all over: no keypoint, no gradient. */
export function flatImage(grey: number, size = 48): DecodedImage {
  return { mediaType: 'image/png', width: size, height: size, pixels: new Uint8Array(size * size * 3).fill(grey) };
}

export function idOf(bytes: Uint8Array): string {
  return imageIdOf(sha256Hex(bytes));
}

export interface DrawnSample extends ImageSample {
  /** How often an image was decoded. */
  readonly decodes: () => number;
}

/** Pictures by their number: the tests of a file draw the same ones again and again. */
const drawn = new Map<number, Promise<Buffer>>();

function drawPicture(number: number): Promise<Buffer> {
  const picture = drawn.get(number) ?? makeJpeg(number);
  drawn.set(number, picture);
  return picture;
}

/** Drawn pictures; `label` by their number. */
export async function drawSample(
  count: number,
  label: (index: number) => string | undefined = () => undefined,
): Promise<DrawnSample> {
  const files = await Promise.all(Array.from({ length: count }, (_, index) => drawPicture(index + 1)));
  const ids = files.map(idOf);
  let decodes = 0;
  return {
    count,
    id: (index) => ids[index] ?? '',
    label,
    use: (index, work) => {
      decodes += 1;
      return decoder.use(files[index] ?? Buffer.alloc(0), 'bulk', work);
    },
    decodes: () => decodes,
  };
}
