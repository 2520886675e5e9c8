/** A model that cannot serve. Its message is the `reason` of a failed state: for the operator, without absolute paths. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError';
}

/** Its folder is not there. */
export class ModelNotFoundError extends ModelError {
  override readonly name = 'ModelNotFoundError';
}
