import type { Transparency } from '../pixels/transparency.js';
import type { LogisticRegression } from '../math/learning/logistic-regression.js';
import type { Projection } from '../math/pca.js';
import type { Vocabulary } from './features/bag-of-words.js';

/** How a space turns an image into a vector, before anything is fitted. */
export type Recipe =
  /** An ONNX model by its manifest, ViT or CNN; `model` undefined: the one that the server runs. */
  | { readonly kind: 'model'; readonly model: string | undefined }
  /** SIFT descriptors as tf-idf over visual words; `words` undefined: chosen by the Davies-Bouldin index. */
  | { readonly kind: 'bag-of-words'; readonly words: number | undefined }
  | { readonly kind: 'hog' }
  | { readonly kind: 'grey-histogram' }
  | { readonly kind: 'color-histogram' }
  /** Each part at length 1 times its weight, one behind the other; projected by PCA where that is longer than 768. */
  | {
      readonly kind: 'fusion';
      readonly parts: readonly { readonly weight: number; readonly recipe: Recipe }[];
    }
  | {
      readonly kind: 'pca';
      readonly of: Recipe;
      readonly dimensions: number;
      readonly whiten: boolean;
      /** Directions are drawn, and not fitted. */
      readonly random?: true | undefined;
    }
  /** At length 1, beside the one-hot predicted class. */
  | { readonly kind: 'class-fusion'; readonly of: Recipe };

/** How a classical feature sees a transparent picture: on white unless said. For models, the hash of their preprocessing says so. */
interface Seen {
  readonly transparency?: Extract<Transparency, 'contrast'> | undefined;
}

/** A recipe with everything that was fitted for it: enough to encode any image, on any server. */
export type FittedRecipe =
  | {
      readonly kind: 'model';
      readonly model: string;
      readonly sha256: string;
      readonly preprocessingSha256: string;
      readonly dimensions: number;
    }
  | ({ readonly kind: 'bag-of-words'; readonly vocabulary: Vocabulary } & Seen)
  | ({ readonly kind: 'hog' } & Seen)
  | ({ readonly kind: 'grey-histogram' } & Seen)
  | ({ readonly kind: 'color-histogram' } & Seen)
  | {
      readonly kind: 'fusion';
      readonly parts: readonly { readonly weight: number; readonly of: FittedRecipe }[];
      readonly projection: Projection | undefined;
    }
  | {
      readonly kind: 'pca';
      readonly of: FittedRecipe;
      readonly whiten: boolean;
      readonly random?: true | undefined;
      readonly projection: Projection;
    }
  | {
      readonly kind: 'class-fusion';
      readonly of: FittedRecipe;
      readonly classes: readonly string[];
      /** Model i was fitted without the images of fold i: see foldOf. An image is always predicted by its fold's model. */
      readonly folds: readonly LogisticRegression[];
      /** Of the embedding alone, where it leaves no room for the classes: see RecipeFitter. */
      readonly projection: Projection | undefined;
    };
