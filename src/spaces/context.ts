import type { Embedder } from '../models/embedder/embedder.js';
import type { Embedders } from '../models/embedder/embedders.js';
import type { ImageDecoder } from '../pixels/decode/decode.js';
import type { Encoders } from '../methods/encoders.js';
import type { Store } from '../database/store.js';
import type { ByteBudget } from '../base/concurrency/byte-budget.js';
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
