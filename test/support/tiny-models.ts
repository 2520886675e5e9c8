import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { DecodedImage } from '../../src/pixels/decode/decoded-image.js';

/** Made by training/tiny_models.py, as is everything that this file knows of them. */
export const tinyModels = [
  'nchw-float32-pooled',
  'nhwc-uint8-cls',
  'nchw-uint8-mean',
  'nhwc-float32-cls-mean',
  'nchw-float32-registers',
  'nchw-float32-convolutional',
  'nchw-float32-wide',
] as const;

export type TinyModel = (typeof tinyModels)[number];

export const tinySize = { width: 24, height: 16 } as const;

export function tinyModelFolder(name: TinyModel): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures', 'models', name);
}

/** Image `index` of the script: already of the input's size, so that nothing is resized. */
export function patternImage(
  index: number,
  { width, height }: { readonly width: number; readonly height: number } = tinySize,
): DecodedImage {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.floor(128 + 127 * Math.sin(i * (0.011 + 0.007 * index) + (i % 3))),
  );
  return { mediaType: 'image/png', width, height, pixels };
}

/** What Python answers to the pattern images, in order. */
export async function readExpected(name: TinyModel): Promise<readonly Float32Array[]> {
  const json = await readFile(join(tinyModelFolder(name), 'expected.json'), 'utf8');
  return (JSON.parse(json) as { embeddings: string[] }).embeddings.map(decodeEmbedding);
}

/** Little-endian float32 in base64. */
export function decodeEmbedding(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
}

/** A manifest as JSON that tests may alter at will. */
export type LooseManifest = Record<'input' | 'preprocessing' | 'output' | 'golden', Record<string, unknown>> &
  Record<string, unknown>;

export async function readLooseManifest(folder: string): Promise<LooseManifest> {
  return JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as LooseManifest;
}

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'semblance-model-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A copy of a model whose weights come only when `deliver` sends them; it is sent them when the test ends. */
export async function slowModel(
  name: TinyModel,
): Promise<{ readonly folder: string; readonly deliver: () => Promise<void> }> {
  const folder = await alteredModel(name, () => undefined);
  const path = join(folder, 'model.onnx');
  const weights = await readFile(path);
  await rm(path);
  execFileSync('mkfifo', [path]);
  let delivered: Promise<void> | undefined;
  const deliver = () => (delivered ??= writeFile(path, weights));
  // Whoever reads it could not be closed.
  onTestFinished(deliver);
  return { folder, deliver };
}

/** A copy of a model with another manifest, and with other weights (whose checksum the manifest then has) if given. */
export async function alteredModel(
  name: TinyModel,
  alter: (manifest: LooseManifest) => void,
  weights?: Uint8Array,
): Promise<string> {
  const folder = await temporaryFolder();
  await cp(tinyModelFolder(name), folder, { recursive: true });
  const manifest = await readLooseManifest(folder);
  if (weights !== undefined) {
    await writeFile(join(folder, 'model.onnx'), weights);
    manifest.sha256 = createHash('sha256').update(weights).digest('hex');
  }
  alter(manifest);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}
