/** One thing that `semblance doctor` tells. */
export interface Finding {
  /** What was looked at, for scripts: a word or two with hyphens. */
  readonly check: string;
  /** A problem keeps something from working, now or at the next start; advice can wait. */
  readonly level: 'problem' | 'advice';
  /** A sentence. */
  readonly message: string;
  /** A sentence that begins with a verb. */
  readonly remedy: string;
}

export function problem(check: string, message: string, remedy: string): Finding {
  return { check, level: 'problem', message, remedy };
}

export function advice(check: string, message: string, remedy: string): Finding {
  return { check, level: 'advice', message, remedy };
}
