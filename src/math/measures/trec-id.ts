/**
 * Order of ids as C's strcmp on their UTF-8 bytes, which is the order of code points. JavaScript compares UTF-16 units,
 * and puts U+10000 and above before U+E000.
 */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

function aboveSurrogates(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** What no field of a TREC file may hold; `#` begins a comment in later versions of trec_eval, `%` is the escape. */
const unsafe = /[\s\p{Cc}#%]/gu;

/** A name as one field of a TREC file, reversibly: white space, control characters, `#` and `%` as %XX of their UTF-8. */
export function toTrecId(name: string): string {
  return name.replace(unsafe, (character) => {
    const bytes = Buffer.from(character, 'utf8');
    return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}

export function fromTrecId(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
