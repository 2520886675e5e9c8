import type { Caller } from '../access/caller.js';
import type { Place } from '../access/places.js';
import type { WorkMeter } from '../access/work-meter.js';
import type { SearchContext } from '../search/graphql/search-context.js';
import type { AnswerBytes } from './answer/answer-bytes.js';
import type { Operations } from './operations.js';

/** What the operator's log and metrics are told of an operation. */
export interface OperationNote {
  /** As the client calls it: any name that it likes. */
  readonly name?: string | undefined;
  /**
   * The field of Query or Mutation that it asks for, `several`, or undefined where it came to no operation. Never a name of the
   * client's choice: it labels metrics, and each new label is kept for good.
   */
  readonly field?: string | undefined;
  /** The code of the operation's first error, as the client is told it; undefined where it has none. */
  readonly code?: string | undefined;
}

/** What resolvers and plugins work with, made for each request. */
export interface RequestContext extends SearchContext {
  readonly operations: Operations;
  readonly caller: Caller;
  readonly meter: Pick<WorkMeter, 'chargeImages'>;
  readonly place: Pick<Place, 'begin' | 'end'> | undefined;
  readonly answer: AnswerBytes;
  readonly requestId: string;
  /** The newest note stands. */
  readonly noteOperation: (note: OperationNote) => void;
}
