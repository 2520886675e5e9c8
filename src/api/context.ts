import type { Caller } from '../access/caller.js';
import type { Place } from '../access/places.js';
import type { WorkMeter } from '../access/work-meter.js';
import type { Operations } from './operations.js';
import type { AnswerBytes } from './answer/answer-bytes.js';
import type { OperationNote } from './operation-note.js';
import type { SearchLog } from '../search/graphql/search-log.js';

/** Paths on this server of an image's three forms. */
export interface ImagePaths {
  readonly original: string;
  readonly rendition: string;
  readonly thumbnail: string;
}

/** What resolvers work with, made for each request. */
export interface RequestContext {
  readonly operations: Operations;
  readonly caller: Caller;
  readonly meter: Pick<WorkMeter, 'chargeImages'>;
  readonly place: Pick<Place, 'begin' | 'end'> | undefined;
  readonly imagePaths: (id: string) => Promise<ImagePaths>;
  readonly searches: SearchLog;
  /** Of this request's answer. */
  readonly answer: AnswerBytes;
  /** Aborts when nobody will get the answer: the client has gone, or the answer is refused. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** The newest note stands. */
  readonly noteOperation: (note: OperationNote) => void;
  /** Writes an error that no client may see to the log, under the request's id. */
  readonly logUnexpected: (error: unknown) => void;
}
