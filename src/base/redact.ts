/** What stands in a log in place of a secret. */
const hidden = '[hidden]';

/** Shapes of secrets that whoever writes a message cannot know of: an error of a library may repeat any of them. */
const shapes: readonly (readonly [RegExp, string])[] = [
  // postgres://user:password@host; up to the last @ before the host, for passwords may hold one.
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/]*@/gi, `$1:${hidden}@`],
  [/\bsmb_([0-9a-f]{16})_[\w-]+/g, `smb_$1_${hidden}`],
  [/\bBearer +[^\s"',]+/gi, `Bearer ${hidden}`],
  // A JSON Web Token, wherever it stands.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, hidden],
  [/([?&]signature=)[\w-]+/g, `$1${hidden}`],
  [/\b(password|pwd)=[^\s&"',;]+/gi, `$1=${hidden}`],
];

/**
 * Takes secrets out of a text that is meant for a log.
 * @param secrets as the configuration has them, wherever they stand
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  let redacted = text;
  // A short one would take ordinary words out of the log, and tell itself by that.
  for (const secret of secrets) if (secret.length >= 6) redacted = redacted.replaceAll(secret, hidden);
  for (const [shape, replacement] of shapes) redacted = redacted.replace(shape, replacement);
  return redacted;
}
