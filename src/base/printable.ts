/**
 * For terminals and logs: filenames, paths and messages come from strangers, and no escape sequence of theirs reaches a terminal, no line
 * break forges a line.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, '\u{fffd}');
}
