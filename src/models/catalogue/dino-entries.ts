import { github, hub, int8Loss, pixelValues, statedAt, unpooled, type CatalogueEntry } from './catalogue-entry.js';

const dinov2Base = {
  architecture: 'DINOv2 ViT-B/14, class token',
  license: 'Apache-2.0',
  input: pixelValues,
  preset: 'imagenet',
  output: { name: 'last_hidden_state', pooling: 'cls', dimensions: 768, normalized: false },
  gmacs: 23.2,
} as const;
const dinov2Checked = {
  preprocessing: [`${hub}/Xenova/dinov2-base/blob/fef96735014749b0e195358c3fc42cc00b08378e/preprocessor_config.json`],
  licence: [`${hub}/facebook/dinov2-base/commit/369b1309d0ea32e09fdc25ee029917e2e5a2db8f`],
} as const;

const dinov2Small = {
  architecture: 'DINOv2 ViT-S/14, class token beside the mean of the patch tokens',
  license: 'Apache-2.0',
  input: pixelValues,
  preset: 'imagenet',
  output: { name: 'last_hidden_state', pooling: 'cls+mean', dimensions: 768, normalized: false, prefixTokens: 1 },
  gmacs: 6.12,
} as const;
const dinov2SmallRepo = {
  kind: 'hub',
  repo: 'Xenova/dinov2-small',
  revision: '560a572cedd01ab59cf1a614c2d9673397b65ef2',
} as const;
const dinov2SmallTree = `${hub}/Xenova/dinov2-small/tree/560a572cedd01ab59cf1a614c2d9673397b65ef2/onnx`;
const dinov2SmallUse = `${github}/0x90d/videoduplicatefinder/blob/1dd62364274e9fbb7abdb6fcd8dcb886a61ee033/VDF.Core/AI`;
/** Xenova/dinov2-small's preprocessor_config.json has the 436 bytes of Xenova/dinov2-base's; its own page was not stored. */
const dinov2SmallChecked = { ...dinov2Checked, output: [`${dinov2SmallUse}/OnnxEmbedder.cs`] } as const;

const dinov3 = {
  license: 'DINOv3 License',
  terms: {
    url: 'https://ai.meta.com/resources/models-and-libraries/dinov3-license/',
    summary: "Meta's own terms, which allow commercial use on conditions and forbid some uses",
  },
  input: pixelValues,
  preset: 'stretch-imagenet',
  precision: 'fp32',
} as const;
const dinov3Licence = `${hub}/KeepParallel/OpenDINOv3/blame/main/README.md`;
const dinov3SmallUse = `${github}/UynajGI/Iris/blob/c28901ff406234ca92bae1f0ef812426b93ca26d/tools/setup-dinov3.py`;
const dinov3SmallNotes = `${github}/UynajGI/Iris/blob/c28901ff406234ca92bae1f0ef812426b93ca26d/tools/DINOV3.md`;
const dinov3BaseUse = `${github}/Rays-Robotics/nicegal/blob/ed31321bf3c83ffcea65c284f10ceae82425f27b/temp/clip-models/dinov3.py`;
const dinov3Sums = `${github}/tmonka7/eshop-web/blob/893a58dbc91dcdd68822606b39eb8fd95895019d/backend/src/scripts/fetch-model.js`;

/** Networks that learned from pictures alone. */
export const dinoEntries: readonly CatalogueEntry[] = [
  {
    name: 'dinov2-base',
    ...dinov2Base,
    precision: 'fp32',
    source: {
      kind: 'hub',
      repo: 'Xenova/dinov2-base',
      revision: '31039eeb603df058f44c4e1cd25f6add34f48169',
      path: 'onnx/model.onnx',
      bytes: undefined,
      sha256: '2c7a813d6e0d25784d0c29227760b08cb72f2bee9d928da935a31480a649bbce',
    },
    approximateBytes: 347_000_000,
    checked: {
      file: [`${hub}/Xenova/dinov2-base/tree/31039eeb603df058f44c4e1cd25f6add34f48169/onnx`],
      size: [`${hub}/Xenova/dinov2-base/blob/31039eeb603df058f44c4e1cd25f6add34f48169/onnx/model.onnx`],
      checksum: [`${hub}/Xenova/dinov2-base/blob/31039eeb603df058f44c4e1cd25f6add34f48169/onnx/model.onnx`],
      ...dinov2Checked,
    },
    unverified: [],
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
      bytes: undefined,
      sha256: 'c79e7eda56acab17b5e338389b4b2132a1096b8d3bb9c5f7b22f84666f0c2015',
    },
    approximateBytes: 91_000_000,
    checked: {
      ...statedAt(`${hub}/onnx-community/dinov2-base/blob/main/onnx/model_quantized.onnx`),
      ...dinov2Checked,
    },
    unverified: [int8Loss],
  },
  {
    name: 'dinov2-small',
    ...dinov2Small,
    precision: 'fp32',
    source: {
      ...dinov2SmallRepo,
      path: 'onnx/model.onnx',
      bytes: 88_459_888,
      sha256: '83141175ec78b4ff9a2bb58a4c7c264ba0054d1c2e122e5a8114b79a8d4179ea',
    },
    approximateBytes: 88_500_000,
    checked: {
      file: [dinov2SmallTree],
      size: [`${hub}/Xenova/dinov2-small/blob/560a572cedd01ab59cf1a614c2d9673397b65ef2/onnx/model.onnx`],
      checksum: [`${hub}/Xenova/dinov2-small/blob/560a572cedd01ab59cf1a614c2d9673397b65ef2/onnx/model.onnx`],
      ...dinov2SmallChecked,
    },
    unverified: [],
  },
  {
    name: 'dinov2-small-int8',
    ...dinov2Small,
    precision: 'int8',
    source: {
      ...dinov2SmallRepo,
      path: 'onnx/model_quantized.onnx',
      bytes: 24_451_943,
      sha256: '3afdc8bc63b50558d6e5770f5b799bb82455c2311183a2de43803f343a29d917',
    },
    approximateBytes: 24_500_000,
    checked: {
      file: [dinov2SmallTree],
      size: [dinov2SmallTree],
      checksum: [`${dinov2SmallUse}/AiComponents.cs`],
      ...dinov2SmallChecked,
    },
    unverified: [int8Loss],
  },
  {
    name: 'dinov3-small',
    ...dinov3,
    architecture: 'DINOv3 ViT-S/16, class token beside the mean of the patch tokens',
    source: {
      kind: 'hub',
      repo: 'onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX',
      revision: '48988dfe73065df8d6f5ccc0edc7c8bcf307de41',
      path: 'onnx/model.onnx',
      bytes: 137_969,
      sha256: 'bb75e9e30ff382ecdbd150266445ab41272be4acc85fd3563218dd89781e36da',
      weights: {
        path: 'onnx/model.onnx_data',
        bytes: 86_347_776,
        sha256: '1eff0bb9f4fdef831ca61c8bc2b5c88d8cc21ef4756d3b483d9b9c15d8d5d27f',
      },
    },
    output: { name: 'last_hidden_state', pooling: 'cls+mean', dimensions: 768, normalized: false, prefixTokens: 5 },
    gmacs: 4.7,
    approximateBytes: 86_500_000,
    checked: {
      file: [dinov3SmallUse],
      size: [dinov3SmallUse],
      checksum: [dinov3SmallUse, dinov3Sums],
      input: [dinov3SmallNotes],
      output: [dinov3SmallNotes, `${github}/huggingface/transformers.js/blob/83572923baf6397075b7de2b9b6f539146050757/packages/transformers/src/pipelines/image-feature-extraction.js`],
      preprocessing: [dinov3SmallNotes],
      licence: [dinov3Licence],
    },
    unverified: [],
  },
  {
    name: 'dinov3-base',
    ...dinov3,
    architecture: 'DINOv3 ViT-B/16, class token',
    source: {
      kind: 'hub',
      repo: 'onnx-community/dinov3-vitb16-pretrain-lvd1689m-ONNX',
      revision: 'd704d636f7b114347fd2a9d6fecac5e1ef464db3',
      path: 'onnx/model.onnx',
      bytes: undefined,
      sha256: '0d68aa8f33d21a5616a468239dbe80608abe53619a2663f05e269785eaceb746',
      weights: {
        path: 'onnx/model.onnx_data',
        bytes: undefined,
        sha256: '6f292af27497d258257d256bf5eee4151edb67d92f586196beaa182767060353',
      },
    },
    output: { name: 'pooler_output', ...unpooled, dimensions: 768 },
    gmacs: 17.9,
    approximateBytes: 343_000_000,
    checked: {
      file: [dinov3BaseUse],
      size: [`${github}/maisachinsharmahu/sameframe/blob/4d18d87587428d42dc4fdf731fd7d01e32769fc7/README.md`],
      checksum: [dinov3Sums],
      input: [dinov3BaseUse],
      output: [dinov3BaseUse],
      preprocessing: [dinov3BaseUse],
      licence: [dinov3Licence],
    },
    unverified: [],
  },
];
