import type { Embedder } from '../embedding/embedder.js';
import type { Embedders } from '../embedding/embedders.js';
import type { ImageDecoder } from '../image/decode.js';
import type { Encoders } from '../retrieval/spaces/encoders.js';
import type { Store } from '../store/store.js';
import type { FittedRecipes } from './fitted-recipes.js';

/** What operations work with. Built once, by app.ts. */
export interface OperationsContext {
  readonly store: Store;
  /** The model that the server runs. */
  readonly embedder: Embedder;
  /** That one and those of other spaces. */
  readonly embedders: Embedders;
  readonly encoders: Encoders;
  readonly recipes: FittedRecipes;
  readonly decoder: ImageDecoder;
  readonly maxUploadBytes: number;
}
