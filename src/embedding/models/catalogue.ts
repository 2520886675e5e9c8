import type { ManifestFields } from '../manifest.js';
import { preprocessingPresets, type PresetName } from './presets.js';

/** A single file of the Hugging Face hub, at a commit that never changes. */
export interface HubSource {
  readonly kind: 'hub';
  readonly repo: string;
  /** Full commit where one was seen; `main` moves. */
  readonly revision: string;
  readonly path: string;
  /** Lower-case hex, as the hub's page of that file states it. Undefined: no such page could be read. */
  readonly sha256: string | undefined;
}

/** The hub has PyTorch weights only: training/catalogue/export.py makes ONNX of them, with one pooled output. */
export interface ExportSource {
  readonly kind: 'export';
  readonly repo: string;
}

export interface CatalogueEntry {
  /** Name of its folder, and in SEMBLANCE_MODEL. */
  readonly name: string;
  readonly architecture: string;
  readonly precision: 'fp32' | 'int8';
  readonly source: HubSource | ExportSource;
  readonly license: string;
  readonly input: ManifestFields['input'];
  readonly preset: PresetName;
  readonly output: ManifestFields['output'];
  /** Multiply-accumulates of one image, in thousand millions, counted from the architecture. */
  readonly gmacs: number;
  /** Of the weights, to the three digits that the hub's pages show. */
  readonly approximateBytes: number;
  /** What was not checked against public documentation; empty: everything was. */
  readonly unverified: readonly string[];
}

const size = { width: 224, height: 224 } as const;
/** Name, layout and type as Optimum's exports for transformers.js have them. */
const input = { name: 'pixel_values', layout: 'NCHW', type: 'float32', ...size } as const;
const none = { pooling: 'none', normalized: false } as const;
const sizeOnly = 'the SHA-256: only the file and its size could be looked up';
const onnxNames = "the ONNX file's input and output names, which follow transformers.js; an installation checks them";
const int8Loss =
  'what int8 costs: by the quantize_config.json of such repositories the patch convolution is quantised too, to uint8';
const exported = { name: 'embedding', ...none, dimensions: 768 } as const;

const dinov2Base = {
  architecture: 'DINOv2 ViT-B/14, class token',
  license: 'Apache-2.0',
  input,
  preset: 'imagenet',
  output: { name: 'last_hidden_state', pooling: 'cls', dimensions: 768, normalized: false },
  gmacs: 23.2,
} as const;

const dinov2Small = {
  architecture: 'DINOv2 ViT-S/14, class token beside the mean of the patch tokens',
  license: 'Apache-2.0',
  input,
  preset: 'imagenet',
  output: { name: 'last_hidden_state', pooling: 'cls+mean', dimensions: 768, normalized: false, prefixTokens: 1 },
  gmacs: 6.12,
} as const;

const clip = {
  architecture: 'CLIP ViT-B/32, vision tower with its projection',
  license: 'MIT',
  input,
  preset: 'clip',
  output: { name: 'image_embeds', ...none, dimensions: 512 },
  gmacs: 4.41,
} as const;

const clipRepo = {
  kind: 'hub',
  repo: 'Xenova/clip-vit-base-patch32',
  revision: '4c1807b705b1d015fb032789cc4d221b23025a6f',
} as const;
const dinov2SmallRepo = {
  kind: 'hub',
  repo: 'Xenova/dinov2-small',
  revision: '560a572cedd01ab59cf1a614c2d9673397b65ef2',
} as const;

/**
 * Models that are known to serve. Files, sizes, checksums and preprocessing are those of the repositories' own pages
 * (file pages, preprocessor_config.json) and of timm 1.0.31's model configurations; `unverified` says what no page told.
 */
export const catalogue: readonly CatalogueEntry[] = [
  {
    name: 'dinov2-base',
    ...dinov2Base,
    precision: 'fp32',
    source: {
      kind: 'hub',
      repo: 'Xenova/dinov2-base',
      revision: '31039eeb603df058f44c4e1cd25f6add34f48169',
      path: 'onnx/model.onnx',
      sha256: '2c7a813d6e0d25784d0c29227760b08cb72f2bee9d928da935a31480a649bbce',
    },
    approximateBytes: 347_000_000,
    unverified: [onnxNames],
  },
  {
    name: 'dinov2-base-int8',
    ...dinov2Base,
    precision: 'int8',
    source: {
      kind: 'hub',
      repo: 'onnx-community/dinov2-base',
      revision: 'main',
      path: 'onnx/model_quantized.onnx',
      sha256: 'c79e7eda56acab17b5e338389b4b2132a1096b8d3bb9c5f7b22f84666f0c2015',
    },
    approximateBytes: 91_000_000,
    unverified: [onnxNames, int8Loss],
  },
  {
    name: 'dinov2-small',
    ...dinov2Small,
    precision: 'fp32',
    source: {
      ...dinov2SmallRepo,
      path: 'onnx/model.onnx',
      sha256: '83141175ec78b4ff9a2bb58a4c7c264ba0054d1c2e122e5a8114b79a8d4179ea',
    },
    approximateBytes: 88_500_000,
    unverified: [onnxNames],
  },
  {
    name: 'dinov2-small-int8',
    ...dinov2Small,
    precision: 'int8',
    source: { ...dinov2SmallRepo, path: 'onnx/model_quantized.onnx', sha256: undefined },
    approximateBytes: 24_500_000,
    unverified: [onnxNames, sizeOnly, int8Loss],
  },
  {
    name: 'clip-vit-base-patch32',
    ...clip,
    precision: 'fp32',
    source: {
      ...clipRepo,
      path: 'onnx/vision_model.onnx',
      sha256: 'fd6e1402a588279d1723c7534d4bcba5bc0b14b47dfab0e46f8c47b8270d7d40',
    },
    approximateBytes: 352_000_000,
    unverified: [onnxNames],
  },
  {
    name: 'clip-vit-base-patch32-int8',
    ...clip,
    precision: 'int8',
    source: { ...clipRepo, path: 'onnx/vision_model_quantized.onnx', sha256: undefined },
    approximateBytes: 89_100_000,
    unverified: [onnxNames, sizeOnly, int8Loss],
  },
  {
    name: 'vit-base-patch16-224',
    architecture: 'ViT-B/16 (AugReg 2, ImageNet-21k, then ImageNet-1k), the vector before the classifier',
    precision: 'fp32',
    source: { kind: 'export', repo: 'timm/vit_base_patch16_224.augreg2_in21k_ft_in1k' },
    license: 'Apache-2.0',
    input,
    preset: 'half',
    output: exported,
    gmacs: 17.6,
    approximateBytes: 343_000_000,
    unverified: [],
  },
  {
    name: 'vit-base-patch32-224',
    architecture: 'ViT-B/32 (AugReg, ImageNet-21k, then ImageNet-1k), the vector before the classifier',
    precision: 'fp32',
    source: { kind: 'export', repo: 'timm/vit_base_patch32_224.augreg_in21k_ft_in1k' },
    license: 'Apache-2.0',
    input,
    preset: 'half',
    output: exported,
    gmacs: 4.41,
    approximateBytes: 350_000_000,
    unverified: [],
  },
  {
    name: 'resnet50',
    architecture: 'ResNet-50 (A1, ImageNet-1k), pooled, projected from 2,048 to 768 numbers by fixed random orthonormal rows',
    precision: 'fp32',
    source: { kind: 'export', repo: 'timm/resnet50.a1_in1k' },
    license: 'Apache-2.0',
    input,
    preset: 'imagenet-95',
    output: exported,
    gmacs: 4.1,
    approximateBytes: 100_000_000,
    unverified: [],
  },
];

export function findEntry(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}

/** What makes a folder with model.onnx of the weights that the hub has, in the repository. */
export function exportCommand({ name }: CatalogueEntry, folder: string): string {
  return `python training/catalogue/export.py ${name} ${folder}`;
}

export function preprocessingOf({ preset, input: { width, height } }: CatalogueEntry): ManifestFields['preprocessing'] {
  return preprocessingPresets[preset].make({ width, height });
}
