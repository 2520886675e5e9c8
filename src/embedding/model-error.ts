/** A model that cannot serve. Its message is the `reason` of a failed state: for the operator, without absolute paths. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
