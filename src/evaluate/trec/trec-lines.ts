import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { SemblanceError } from '../../base/errors.js';

/** isspace of C, as trec_eval splits: a no-break space is part of an id. */
const whiteSpace = /[ \t\v\f\r]+/;

export interface TrecLine {
  readonly number: number;
  readonly fields: readonly string[];
}

/**
 * Lines of a TREC file, split at white space. Blank lines are passed over, and so are lines that begin with `#`, as later
 * versions of trec_eval do.
 */
export async function* trecLines(input: Readable): AsyncGenerator<TrecLine> {
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number++;
    const text = number === 1 ? line.replace(/^\uFEFF/, '') : line;
    const fields = text.split(whiteSpace).filter((field) => field !== '');
    if (fields.length > 0 && !fields[0]!.startsWith('#')) yield { number, fields };
  }
}

/** @param name what the message calls the file */
export function malformedLine(name: string, { number }: TrecLine, problem: string): SemblanceError {
  return new SemblanceError('BAD_USER_INPUT', `${name}, line ${number}: ${problem}`);
}

/** A field that is written must be read back as the same field. */
export function assertField(what: string, value: string): void {
  if (value === '' || /\s/.test(value) || value.startsWith('#')) {
    const rule = 'must hold no white space, not begin with # and not be empty: see toTrecId';
    throw new TypeError(`${what} ${JSON.stringify(value)} ${rule}`);
  }
}
