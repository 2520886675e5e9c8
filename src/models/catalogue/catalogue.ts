import type { ManifestFields } from '../manifest-schema.js';
import { captionedEntries } from './captioned-entries.js';
import { pixelValues, unpooled, type CatalogueEntry } from './catalogue-entry.js';
import { dinoEntries } from './dino-entries.js';
import { preprocessingPresets } from '../presets.js';

/** Its model configurations; training/catalogue/parity.py holds the exports against the networks. */
const timm = 'https://github.com/huggingface/pytorch-image-models/blob/v1.0.31/timm/models';

const vit = {
  precision: 'fp32',
  license: 'Apache-2.0',
  input: pixelValues,
  preset: 'half',
  output: { name: 'embedding', ...unpooled, dimensions: 768 },
  checked: {
    preprocessing: [`${timm}/vision_transformer.py`],
    licence: [`${timm}/vision_transformer.py`],
  },
  unverified: [],
} as const;

const exportEntries: readonly CatalogueEntry[] = [
  {
    name: 'vit-base-patch16-224',
    ...vit,
    architecture: 'ViT-B/16 (AugReg 2, ImageNet-21k, then ImageNet-1k), the vector before the classifier',
    source: { kind: 'export', repo: 'timm/vit_base_patch16_224.augreg2_in21k_ft_in1k' },
    gmacs: 17.6,
    approximateBytes: 343_000_000,
  },
  {
    name: 'vit-base-patch32-224',
    ...vit,
    architecture: 'ViT-B/32 (AugReg, ImageNet-21k, then ImageNet-1k), the vector before the classifier',
    source: { kind: 'export', repo: 'timm/vit_base_patch32_224.augreg_in21k_ft_in1k' },
    gmacs: 4.41,
    approximateBytes: 350_000_000,
  },
  {
    name: 'resnet50',
    ...vit,
    architecture: 'ResNet-50 (A1, ImageNet-1k), pooled, projected from 2,048 to 768 numbers by fixed random orthonormal rows',
    source: { kind: 'export', repo: 'timm/resnet50.a1_in1k' },
    preset: 'imagenet-95',
    gmacs: 4.1,
    approximateBytes: 100_000_000,
    checked: { preprocessing: [`${timm}/resnet.py`], licence: [`${timm}/resnet.py`] },
  },
];

/**
 * Models that are known to serve. `checked` says of each fact where it was read: in the hub's own pages, in public code that
 * pins or runs the same file, and in timm. A pull compares all of them with what the hub has.
 */
export const catalogue: readonly CatalogueEntry[] = [...dinoEntries, ...captionedEntries, ...exportEntries];

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
