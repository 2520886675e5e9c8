import type { ManifestFields } from './manifest-schema.js';

type Preprocessing = ManifestFields['preprocessing'];
type Size = Readonly<Record<'width' | 'height', number>>;

export interface PreprocessingPreset {
  /** One line, for help texts. */
  readonly description: string;
  /** @param crop the input's size */
  readonly make: (crop: Size) => Preprocessing;
}

const byteScale = 1 / 255;
type Normalisation = Pick<Preprocessing, 'rescale' | 'mean' | 'std'>;

/** torchvision's and timm's IMAGENET_DEFAULT_MEAN and _STD. */
const imagenet: Normalisation = { rescale: byteScale, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** timm's IMAGENET_INCEPTION_MEAN and _STD. */
const half: Normalisation = { rescale: byteScale, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
/** timm's and transformers' OPENAI_CLIP_MEAN and _STD. */
const clip: Normalisation = {
  rescale: byteScale,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** How image models are fed, by the names that `models add --preprocessing` takes. */
export const preprocessingPresets = {
  imagenet: {
    description: 'shortest side to 256 of 224, bicubic, centre crop, ImageNet mean and deviation (DINOv2, ResNet)',
    make: (crop) => ({ ...cropped(crop, 224 / 256, Math.round), ...imagenet }),
  },
  'imagenet-95': {
    description: "the same with 235 of 224, as timm's crop_pct of 0.95 (ResNet-50 A1)",
    make: (crop) => ({ ...cropped(crop, 0.95, Math.floor), ...imagenet }),
  },
  half: {
    description: "shortest side to 248 of 224, bicubic, centre crop, mean and deviation 0.5 (timm's AugReg ViTs)",
    make: (crop) => ({ ...cropped(crop, 0.9, Math.floor), ...half }),
  },
  clip: {
    description: "shortest side to the input's, bicubic, centre crop, CLIP's mean and deviation",
    make: (crop) => ({ ...cropped(crop, 1, Math.round), ...clip }),
  },
  stretch: {
    description: "stretched to the input's size, bilinear, mean and deviation 0.5 (SigLIP 2, google/vit-*)",
    make: (crop) => ({ ...stretched(crop), ...half }),
  },
  'stretch-imagenet': {
    description: "stretched to the input's size, bilinear, ImageNet mean and deviation (DINOv3)",
    make: (crop) => ({ ...stretched(crop), ...imagenet }),
  },
  unit: {
    description: "shortest side to the input's, bicubic, centre crop, values from 0 to 1",
    make: (crop) => ({ ...cropped(crop, 1, Math.round), rescale: byteScale }),
  },
  'unit-bilinear': {
    description: 'the same, bilinear (MobileCLIP)',
    make: (crop) => ({ ...cropped(crop, 1, Math.round, 'bilinear'), rescale: byteScale }),
  },
  bytes: {
    description: "shortest side to the input's, bicubic, centre crop, bytes as they are (uint8 inputs)",
    make: (crop) => cropped(crop, 1, Math.round),
  },
} as const satisfies Record<string, PreprocessingPreset>;

export type PresetName = keyof typeof preprocessingPresets;

export const presetNames = Object.keys(preprocessingPresets) as readonly PresetName[];

export function isPresetName(text: string): text is PresetName {
  return Object.hasOwn(preprocessingPresets, text);
}

function stretched({ width, height }: Size): Preprocessing {
  return { resize: { width, height, interpolation: 'bilinear' } };
}

/** timm's crop_pct: the crop's share of the resized image's shortest side. */
function cropped(
  crop: Size,
  share: number,
  round: (value: number) => number,
  interpolation: 'bicubic' | 'bilinear' = 'bicubic',
): Preprocessing {
  const shortestEdge = round(Math.max(crop.width, crop.height) / share);
  return {
    resize: { shortestEdge, interpolation },
    centerCrop: { width: crop.width, height: crop.height },
  };
}
