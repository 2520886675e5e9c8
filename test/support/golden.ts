import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const fixtures = join(import.meta.dirname, '../fixtures');

export interface AcceptedImage {
  readonly name: string;
  readonly file: string;
  readonly bytes: Buffer;
  readonly width: number;
  readonly height: number;
  /** How near to the golden embedding ours must be. */
  readonly minCosine: number;
  /** Made by Pillow and onnxruntime. */
  readonly embedding: Float32Array;
}

interface GoldenFile {
  readonly images: Readonly<Record<string, { width: number; height: number; minCosine: number; embedding: string }>>;
}

export function fixtureBytes(file: string): Buffer {
  return readFileSync(join(fixtures, 'images', file));
}

/** Every image that golden values exist for: test/fixtures/golden/README.md. */
export function readAcceptedImages(): readonly AcceptedImage[] {
  const golden = JSON.parse(readFileSync(join(fixtures, 'golden/semblance-compact.json'), 'utf8')) as GoldenFile;
  const files = readdirSync(join(fixtures, 'images'));
  return Object.entries(golden.images).map(([name, { embedding, ...rest }]) => {
    const file = files.find((each) => each.startsWith(`${name}.`));
    if (file === undefined) throw new Error(`No fixture is named ${name}`);
    const bytes = Buffer.from(embedding, 'base64');
    return {
      name,
      file,
      bytes: fixtureBytes(file),
      ...rest,
      embedding: Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4)),
    };
  });
}

export function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
