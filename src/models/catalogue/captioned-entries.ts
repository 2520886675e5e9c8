import { github, hub, int8Loss, pixelValues, statedAt, unpooled, type CatalogueEntry } from './catalogue-entry.js';

const imageEmbeds = { name: 'image_embeds', ...unpooled, dimensions: 512 } as const;

const clip = {
  architecture: 'CLIP ViT-B/32, vision tower with its projection',
  license: 'MIT',
  input: pixelValues,
  preset: 'clip',
  output: imageEmbeds,
  gmacs: 4.41,
} as const;
const clipRepo = {
  kind: 'hub',
  repo: 'Xenova/clip-vit-base-patch32',
  revision: '4c1807b705b1d015fb032789cc4d221b23025a6f',
} as const;
const clipPages = `${hub}/Xenova/clip-vit-base-patch32/blob/4c1807b705b1d015fb032789cc4d221b23025a6f/onnx`;
const clipUse = `${github}/LibrePhotos/librephotos/blob/a25a3adb998e0cd60dcd2832135f3d10b2f2e64d/apps/backend/service/clip_embeddings/clip_onnx.py`;
const clipChecked = {
  output: [clipUse],
  preprocessing: [`${hub}/Xenova/clip-vit-base-patch32/blob/5cc7f82c9a885a73d718909a342c037d6f7e8134/preprocessor_config.json`],
  licence: [`${github}/openai/CLIP/blob/b1c4b6be5871f1b94359ba55901627f29ecc9ae9/LICENSE`],
} as const;

const siglip2 = {
  architecture: 'SigLIP 2 ViT-B/16, vision tower with its pooling head',
  license: 'Apache-2.0',
  input: pixelValues,
  preset: 'stretch',
  output: { name: 'pooler_output', ...unpooled, dimensions: 768 },
  gmacs: 17.7,
} as const;
const siglip2Repo = {
  kind: 'hub',
  repo: 'onnx-community/siglip2-base-patch16-224-ONNX',
  revision: 'ba1f3b0843f24bc5417d38e19c37b287d719b2f4',
} as const;
const siglip2Use = `${github}/frathe/picfetch/blob/3883bf50754c618e91ebb08675806c551b63884d/internal/similarity`;
const siglip2Checked = {
  input: [`${siglip2Use}/encoder.go`],
  output: [`${siglip2Use}/encoder.go`],
  preprocessing: [`${siglip2Use}/encoder.go`, `${hub}/AXERA-TECH/siglip2-base-patch16-224/blob/main/tokenizer/preprocessor_config.json`],
  licence: [`${hub}/megathumbs/siglip2-base-patch16-224-ONNX`],
} as const;

const mobileClip = {
  license: 'Apple ML Research Model License',
  terms: {
    url: `${github}/apple/ml-mobileclip/blob/main/LICENSE_MODELS`,
    summary: 'which allows non-commercial research only, and neither commercial use nor product development',
  },
  precision: 'fp32',
  input: { ...pixelValues, width: 256, height: 256 },
  preset: 'unit-bilinear',
  output: imageEmbeds,
  gmacs: undefined,
} as const;
const mobileClipUse = `${github}/LibrePhotos/librephotos/blob/55409993b1edcbfa04887aec7e22dac8165c8e40/apps/backend/service/tags/mobileclip/mobileclip.py`;
const mobileClipLicence = `${github}/apple/ml-mobileclip/blob/e15d36effd4cd9832b25f5c0063a5b8b279826cd/LICENSE_MODELS`;

/** Towers of networks that learned from pictures and their captions. */
export const captionedEntries: readonly CatalogueEntry[] = [
  {
    name: 'clip-vit-base-patch32',
    ...clip,
    precision: 'fp32',
    source: {
      ...clipRepo,
      path: 'onnx/vision_model.onnx',
      bytes: 351_685_709,
      sha256: 'fd6e1402a588279d1723c7534d4bcba5bc0b14b47dfab0e46f8c47b8270d7d40',
      textTower: {
        path: 'onnx/text_model.onnx',
        bytes: 254_058_553,
        sha256: '3f6571f5bad13a97c469c1622e1cfc4d9aef78b79fdbfcff804ca357bfada8cc',
      },
    },
    approximateBytes: 352_000_000,
    checked: {
      ...statedAt(`${clipPages}/vision_model.onnx`),
      ...clipChecked,
    },
    unverified: [],
  },
  {
    name: 'clip-vit-base-patch32-int8',
    ...clip,
    precision: 'int8',
    source: {
      ...clipRepo,
      path: 'onnx/vision_model_quantized.onnx',
      bytes: 89_117_001,
      sha256: '583fd1110a514667812fee7d684952aaf82a99b959760c8d7dca7e0ab9839299',
      textTower: {
        path: 'onnx/text_model_quantized.onnx',
        bytes: 64_504_507,
        sha256: '73baab855d406190da9faa498cfedf65f15cf309f4cc7385b7b032e6d08e5c3a',
      },
    },
    approximateBytes: 89_100_000,
    checked: clipChecked,
    unverified: [int8Loss],
  },
  {
    name: 'siglip2-base-patch16-224',
    ...siglip2,
    precision: 'fp32',
    source: {
      ...siglip2Repo,
      path: 'onnx/vision_model.onnx',
      bytes: 371_807_752,
      sha256: 'c0573e3f4140c3a7c4e9cc5912bd6b26a033b46a6a8e8af26cbea262b163bcad',
      textTower: {
        path: 'onnx/text_model.onnx',
        bytes: 1_129_469_657,
        sha256: 'baf12d941beabafafb14f7b4adb38dc15be18681b964a84410ec53d9d65e6293',
      },
    },
    approximateBytes: 372_000_000,
    checked: {
      ...statedAt(`${siglip2Use}/assets_install.go`),
      ...siglip2Checked,
    },
    unverified: [],
  },
  {
    name: 'siglip2-base-patch16-224-int8',
    ...siglip2,
    precision: 'int8',
    source: {
      ...siglip2Repo,
      path: 'onnx/vision_model_quantized.onnx',
      bytes: 94_553_333,
      sha256: '5f2b401c1a4fc095702a5d45348e17ad46c4f87064085365b43c6e8eaa5c0070',
      textTower: {
        path: 'onnx/text_model_quantized.onnx',
        bytes: 283_438_275,
        sha256: '3a0603d3a00c05a80a6ded4743c16aaac7b1e62cdcc7e362e7ce418659b96400',
      },
    },
    approximateBytes: 94_600_000,
    checked: siglip2Checked,
    unverified: [int8Loss],
  },
  {
    name: 'mobileclip-s0',
    ...mobileClip,
    architecture: 'MobileCLIP-S0, image tower',
    source: {
      kind: 'hub',
      repo: 'Xenova/mobileclip_s0',
      revision: '757d59c9c6870a76a4b0306f05f5061bca15c39f',
      path: 'onnx/vision_model.onnx',
      bytes: 45_543_630,
      sha256: '17d3c037b1d488c10c50e09f6009ea5a198caef4e0e8f4ea5617b7cb2d067ac0',
      textTower: {
        path: 'onnx/text_model.onnx',
        bytes: 169_807_789,
        sha256: 'f6e9bd5742bfc515889e901634d8a2ff2a57fab8564e4ad3760e800b1a51b77c',
      },
    },
    approximateBytes: 45_500_000,
    checked: {
      preprocessing: [`${hub}/Xenova/mobileclip_s0/blob/9db4e77d9bbdeb1c1e8c1efa9702047e8d2d5ec2/preprocessor_config.json`],
      licence: [mobileClipLicence, `${hub}/apple/MobileCLIP-S0/discussions/2`],
    },
    unverified: [],
  },
  {
    name: 'mobileclip-s2',
    ...mobileClip,
    architecture: 'MobileCLIP-S2, image tower',
    source: {
      kind: 'hub',
      repo: 'Xenova/mobileclip_s2',
      revision: '7c3b6774d945f8a26a11214f8486fda713ffb238',
      path: 'onnx/vision_model.onnx',
      bytes: undefined,
      sha256: 'd28b92d7a3a6ba99bd000cce5c91678c0e279dc934c887a3785908a811872a6c',
      textTower: {
        path: 'onnx/text_model.onnx',
        bytes: undefined,
        sha256: 'ff82e945c6c652c51df687e10f102a8e43c87d37c9108ff692468be3732f3710',
      },
    },
    approximateBytes: 143_000_000,
    checked: {
      file: [`${hub}/Xenova/mobileclip_s2/tree/main/onnx`],
      size: [`${hub}/Xenova/mobileclip_s2/blob/main/onnx/vision_model.onnx`],
      checksum: [`${hub}/Xenova/mobileclip_s2/blob/main/onnx/vision_model.onnx`],
      output: [mobileClipUse],
      preprocessing: [mobileClipUse],
      licence: [mobileClipLicence, `${hub}/apple/MobileCLIP-S2/tree/main`],
    },
    unverified: [],
  },
];
