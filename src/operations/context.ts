import type { Embedder } from '../embedding/embedder.js';
import type { Embedders } from '../embedding/embedders.js';
import type { ImageDecoder } from '../image/decode.js';
import type { Encoders } from '../retrieval/spaces/encoders.js';
import type { Store } from '../store/store.js';
import type { ByteBudget } from './byte-budget.js';
import type { FittedRecipes } from './fitted-recipes.js';

/** What operations work with. Built once, by app.ts. */
export interface OperationsContext {
  readonly store: Store;
  /** The model that the server runs: the one that SEMBLANCE_MODEL names, or that of the space that was active at the start. */
  readonly embedder: Embedder;
  /** Id of the space that was active at the start, which `embedder` was opened for; undefined until it is known. */
  readonly homeSpaceId: () => number | undefined;
  /** That one and those of other spaces. */
  readonly embedders: Embedders;
  readonly encoders: Encoders;
  readonly recipes: FittedRecipes;
  readonly decoder: ImageDecoder;
  readonly maxUploadBytes: number;
  /** Bytes of the uploads in work. */
  readonly uploads: ByteBudget;
}
