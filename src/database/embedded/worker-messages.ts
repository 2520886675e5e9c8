export interface WorkerInput {
  readonly socketPath: string;
  /** Undefined: the database lives in memory. */
  readonly data: { readonly folder: string; readonly initialise: boolean } | undefined;
}

/** From the worker. After `closed` it exits by itself. */
export type WorkerReport =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'log'; readonly message: string }
  | { readonly kind: 'closed' };

/** To the worker, once. */
export interface WorkerOrder {
  readonly kind: 'close';
}
