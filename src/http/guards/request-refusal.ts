import { SemblanceError } from '../../base/errors.js';

/** BAD_USER_INPUT where HTTP has a status that says more than 400: of a method, a size, a charset. */
export class RequestRefusal extends SemblanceError {
  readonly #status: number;

  constructor(status: number, message: string, options?: { readonly cause?: unknown }) {
    super('BAD_USER_INPUT', message, options);
    this.#status = status;
  }

  override get status(): number {
    return this.#status;
  }
}
