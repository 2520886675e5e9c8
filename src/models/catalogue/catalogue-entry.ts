import type { ManifestFields } from '../manifest-schema.js';
import type { PresetName } from '../presets.js';

/** One file of a hub repository, as its page states it. */
export interface StatedHubFile {
  readonly path: string;
  /** Undefined: the pages give three digits only. */
  readonly bytes: number | undefined;
  /** Lower-case hex. An entry without one does not exist: nobody could tell what was pulled. */
  readonly sha256: string;
}

/** A clause where a file is another than the catalogue knows. @param name by which people know the file */
export function checksumDifferences(known: StatedHubFile, name: string, sha256: string): readonly string[] {
  return sha256 === known.sha256 ? [] : [`${name} has SHA-256 ${sha256}, and the catalogue says ${known.sha256}`];
}

/** A file of the Hugging Face hub, at a commit that never changes. */
export interface HubSource extends StatedHubFile {
  readonly kind: 'hub';
  readonly repo: string;
  /** Full commit where one was seen; `main` moves. */
  readonly revision: string;
  /** The weights, where `path` is the graph alone: an installation joins both to one file. */
  readonly weights?: StatedHubFile;
  /** The network that embeds text beside this one. Nothing pulls it yet. */
  readonly textTower?: StatedHubFile;
}

/** The hub has PyTorch weights only: training/catalogue/export.py makes ONNX of them, with one pooled output. */
export interface ExportSource {
  readonly kind: 'export';
  readonly repo: string;
}

/** What an entry claims of a model. */
export const facts = ['file', 'size', 'checksum', 'input', 'output', 'preprocessing', 'licence'] as const;

export type Fact = (typeof facts)[number];

/** Terms that somebody must agree to: others than Apache-2.0, MIT and BSD. */
export interface LicenseTerms {
  readonly url: string;
  /** A clause, for the sentence that asks. */
  readonly summary: string;
}

export interface CatalogueEntry {
  /** Name of its folder, and in SEMBLANCE_MODEL. */
  readonly name: string;
  readonly architecture: string;
  readonly precision: 'fp32' | 'int8';
  readonly source: HubSource | ExportSource;
  readonly license: string;
  readonly terms?: LicenseTerms;
  readonly input: ManifestFields['input'];
  readonly preset: PresetName;
  readonly output: ManifestFields['output'];
  /** Multiply-accumulates of one image, in thousand millions, counted from the architecture. Undefined: not counted. */
  readonly gmacs: number | undefined;
  /** The size of the weights, to the three digits that the hub's pages show. */
  readonly approximateBytes: number;
  /** Public addresses where a fact was read. A fact without one was not checked: the first real pull checks it. */
  readonly checked: Readonly<Partial<Record<Fact, readonly string[]>>>;
  /** What else nobody has checked, in words. */
  readonly unverified: readonly string[];
}

/** Says that one page was read for the file, its size and its checksum. */
export function statedAt(page: string): Pick<CatalogueEntry['checked'], 'file' | 'size' | 'checksum'> {
  return { file: [page], size: [page], checksum: [page] };
}

const size = { width: 224, height: 224 } as const;
/** Name, layout and type as Optimum's exports for transformers.js have them. */
export const pixelValues = { name: 'pixel_values', layout: 'NCHW', type: 'float32', ...size } as const;
export const unpooled = { pooling: 'none', normalized: false } as const;
/** What is not known of files whose patch convolution is quantised, too. */
export const int8Loss = 'what int8 costs in retrieval';
export const hub = 'https://huggingface.co';
export const github = 'https://github.com';
