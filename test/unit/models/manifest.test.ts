import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadManifest, loadModelManifest, parseManifest } from '../../../src/models/manifest.js';
import { bundledModelsFolder } from '../../../src/base/paths.js';
import {
  alteredModel,
  readLooseManifest,
  temporaryFolder,
  tinyModelFolder,
  type LooseManifest,
} from '../../support/tiny-models.js';

let bundled: LooseManifest;
let cls: LooseManifest;
beforeAll(async () => {
  bundled = await readLooseManifest(join(bundledModelsFolder, 'semblance-compact'));
  cls = await readLooseManifest(tinyModelFolder('nhwc-uint8-cls'));
});

const noModels = join(bundledModelsFolder, 'no-such-folder');

/** [altered field, its value (undefined: absent), what the error says] */
const wrong: readonly [string, unknown, string][] = [
  ['name', 'a/b', 'Expected letters, digits, ".", "_" and "-" for name but received "a/b"'],
  ['file', undefined, 'Expected a string for file but received nothing'],
  [
    'file',
    '../model.onnx',
    'Expected a relative path inside the model\'s folder for file but received "../model.onnx"',
  ],
  [
    'file',
    '/etc/model.onnx',
    'Expected a relative path inside the model\'s folder for file but received "/etc/model.onnx"',
  ],
  ['sha256', 'ABC', 'Expected 64 lower-case hex digits for sha256 but received "ABC"'],
  ['license', '', 'Expected a string that is not empty for license but received ""'],
  ['input', undefined, 'Expected an object for input but received nothing'],
  ['input.layout', 'CHW', 'Expected "NCHW" or "NHWC" for input.layout but received "CHW"'],
  ['input.type', 'float16', 'Expected "float32" or "uint8" for input.type but received "float16"'],
  ['input.width', 0, 'Expected an integer from 1 to 2048 for input.width but received 0'],
  ['input.heigth', 64, 'Expected only known fields for input but received ["heigth"]'],
  [
    'input.type',
    'uint8',
    'Expected nothing, as the input is uint8, for preprocessing.mean but received [0.485,0.456,0.406]',
  ],
  [
    'preprocessing.resize',
    { shortestEdge: 64 },
    'Expected interpolation (bicubic, bilinear, lanczos3, nearest) with shortestEdge, with longestEdge, or with width and height for preprocessing.resize',
  ],
  [
    'preprocessing.centerCrop',
    undefined,
    'Expected a size, as the resize keeps the aspect ratio for preprocessing.centerCrop but received nothing',
  ],
  [
    'preprocessing.centerCrop.width',
    32,
    'Expected the input\'s size, 64x64, for preprocessing.centerCrop but received {"width":32,"height":64}',
  ],
  ['preprocessing.mean', [1, 2], 'Expected three numbers for preprocessing.mean but received [1,2]'],
  ['preprocessing.std', [1, 0, 1], 'Expected three positive numbers for preprocessing.std but received [1,0,1]'],
  ['output.pooling', 'max', 'Expected "none" or "cls" or "mean" or "cls+mean" for output.pooling but received "max"'],
  ['output.dimensions', 4097, 'Expected an integer from 1 to 4096 for output.dimensions but received 4097'],
  ['output.dimensions', '768', 'Expected an integer from 1 to 4096 for output.dimensions but received "768"'],
  ['output.dimensions', 512, 'Expected 512 numbers for golden.embedding but received 768'],
  ['output.normalized', 'no', 'Expected true or false for output.normalized but received "no"'],
  [
    'golden.tensor',
    'ones',
    'Expected "element i of the flat input (C, H, W order) is Math.sin(i * 0.013) as float32" for golden.tensor but received "ones"',
  ],
  ['golden.embedding.3', null, 'Expected a number for golden.embedding.3 but received null'],
];

function altered(manifest: LooseManifest, path: string, value: unknown): string {
  const copy = structuredClone(manifest) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce((object, key) => object[key] as Record<string, unknown>, copy);
  parent[last] = value;
  return JSON.stringify(copy);
}

describe('parseManifest', () => {
  it.each(wrong)('names %s = %j', (path, value, message) => {
    expect(() => parseManifest(altered(bundled, path, value))).toThrow(message);
  });

  it('names every wrong field at once', () => {
    const copy = { ...bundled, version: 3, sha256: 'x' };
    expect(() => parseManifest(JSON.stringify(copy))).toThrow(
      'Expected a string for version but received 3; Expected 64 lower-case hex digits for sha256 but received "x"',
    );
  });

  it('refuses an odd number of dimensions where two vectors are joined', () => {
    const odd = altered(cls, 'output', { ...cls.output, pooling: 'cls+mean', dimensions: 63 });
    expect(() => parseManifest(odd)).toThrow('for output.dimensions but received 63');
  });

  it.each(['', '{', '[]', 'null', '"x"'])('refuses %j', (json) => {
    expect(() => parseManifest(json)).toThrow(/is not JSON|Expected an object/);
  });
});

describe('loadManifest', () => {
  it('identifies the preprocessing by the SHA-256 of its canonical JSON', async () => {
    // python3: hashlib.sha256(json.dumps({k: m[k] for k in ("input", "preprocessing", "output")}, sort_keys=True,
    // separators=(",", ":")).encode()).hexdigest()
    const { preprocessingSha256, whitePreprocessingSha256 } = await loadModelManifest('semblance-compact', noModels);
    // Of spaces that were made while transparent pictures were seen on white.
    expect(whitePreprocessingSha256).toBe('7161243e9a71c479d8828bd46da9f104be88bd84c31a7834f66c6334b96e7bc8');
    expect(preprocessingSha256).not.toBe(whitePreprocessingSha256);
  });

  it('gives another identity to other preprocessing, and the same to another order of fields or another golden', async () => {
    const original = await loadManifest(tinyModelFolder('nchw-float32-pooled'));
    const load = async (alter: (manifest: LooseManifest) => void) =>
      (await loadManifest(await alteredModel('nchw-float32-pooled', alter))).preprocessingSha256;
    expect(await load(({ preprocessing }) => (preprocessing.mean = [0, 0, 0.1]))).not.toBe(
      original.preprocessingSha256,
    );
    const reordered = await load((manifest) => {
      manifest.input = Object.fromEntries(Object.entries(manifest.input).reverse());
      manifest.golden.embedding = (manifest.golden.embedding as number[]).map((value) => value * 2);
    });
    expect(reordered).toBe(original.preprocessingSha256);
  });

  it('refuses a link that leads out of the folder', async () => {
    const folder = await temporaryFolder();
    await cp(tinyModelFolder('nhwc-uint8-cls'), folder, { recursive: true });
    await rm(join(folder, 'model.onnx'));
    await symlink(join(tinyModelFolder('nhwc-uint8-cls'), 'model.onnx'), join(folder, 'model.onnx'));
    await expect(loadManifest(folder)).rejects.toThrow('"model.onnx" leads out of the model\'s folder');
  });

  it('names a file that is missing', async () => {
    const folder = await alteredModel('nhwc-uint8-cls', (manifest) => (manifest.file = 'other.onnx'));
    await expect(loadManifest(folder)).rejects.toThrow('The model\'s file "other.onnx" cannot be read (ENOENT)');
  });
});

describe('loadModelManifest', () => {
  it('takes the default model unless told otherwise', async () => {
    expect(await loadModelManifest(undefined, noModels)).toMatchObject({
      name: 'semblance-hybrid',
      input: { width: 224, height: 224 },
      output: { dimensions: 768 },
    });
  });

  it('finds a name in the data folder', async () => {
    const dataDir = await temporaryFolder();
    await mkdir(join(dataDir, 'models'));
    await cp(tinyModelFolder('nhwc-uint8-cls'), join(dataDir, 'models', 'mine'), { recursive: true });
    expect((await loadModelManifest('mine', dataDir)).weightsPath).toBe(join(dataDir, 'models', 'mine', 'model.onnx'));
  });

  it('takes a path', async () => {
    expect((await loadModelManifest(tinyModelFolder('nhwc-uint8-cls'), noModels)).name).toBe('tiny-nhwc-uint8-cls');
  });

  it.each(['missing', './missing', '..'])('says that %j was not found', async (name) => {
    await expect(loadModelManifest(name, noModels)).rejects.toThrow(`Model "${name}" was not found`);
  });

  it('does not hide a malformed manifest behind another folder of the same name', async () => {
    const dataDir = await temporaryFolder();
    await mkdir(join(dataDir, 'models', 'broken'), { recursive: true });
    await writeFile(join(dataDir, 'models', 'broken', 'manifest.json'), '{}');
    await expect(loadModelManifest('broken', dataDir)).rejects.toThrow(
      'Expected a string for name but received nothing',
    );
  });
});
