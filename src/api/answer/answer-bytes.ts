import { SemblanceError } from '../../base/errors.js';
import type { ByteHold } from '../../base/concurrency/byte-budget.js';

/** What becomes of an answer over the bound of one, for its client and for the operator. */
export const lessAnswer =
  'ask for fewer rows, a smaller k, or leave out metadata. The operator can raise the bound with SEMBLANCE_MAX_ANSWER_BYTES';

export interface AnswerBytesOptions {
  /** The most bytes that this answer may have. */
  readonly maxBytes: number;
  /** The part of the room of all answers that this one takes. */
  readonly hold: Pick<ByteHold, 'add'>;
  /** Ends the rest of the operation, whose answer nobody will get. */
  readonly onRefusal: (error: unknown) => void;
}

/**
 * The bytes of one answer while it is made: of metadata as rows give it, then of all that is written. So an answer that is too
 * large is refused before it is in memory, whatever its fields were estimated at.
 */
export class AnswerBytes {
  readonly #options: AnswerBytesOptions;
  #bytes = 0;
  #refusal: SemblanceError | undefined;

  constructor(options: AnswerBytesOptions) {
    this.#options = options;
  }

  /** @throws SemblanceError BAD_USER_INPUT beyond the bound of one answer; as ByteHold.add beyond that of all */
  add(bytes: number): void {
    const { maxBytes, hold, onRefusal } = this.#options;
    if (this.#refusal !== undefined) throw this.#refusal;
    try {
      this.#bytes += bytes;
      if (this.#bytes > maxBytes) {
        throw new SemblanceError('BAD_USER_INPUT', `The answer has more than ${maxBytes} bytes: ${lessAnswer}`);
      }
      hold.add(bytes);
    } catch (error) {
      if (error instanceof SemblanceError) this.#refusal = error;
      onRefusal(error);
      throw error;
    }
  }

  /** What was thrown: then nothing of the answer is sent, for a client would take a part of it for all. */
  get refusal(): SemblanceError | undefined {
    return this.#refusal;
  }

  /** Counts the bytes that were written, of which some may be counted. Throws as add. */
  raiseTo(bytes: number): void {
    if (bytes > this.#bytes) this.add(bytes - this.#bytes);
  }
}
