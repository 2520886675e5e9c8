import type { Embedder } from '../embedding/embedder.js';
import type { ImageDecoder } from '../image/decode.js';
import type { Store } from '../store/store.js';

/** What operations work with. Built once, by app.ts. */
export interface OperationsContext {
  readonly store: Store;
  readonly embedder: Embedder;
  readonly decoder: ImageDecoder;
  readonly maxUploadBytes: number;
}
