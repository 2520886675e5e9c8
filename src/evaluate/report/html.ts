const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup that is safe to insert. Names of files and classes come from anywhere, so all else is escaped. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = Html | string | number | undefined | false | readonly Part[];

/** A template whose values are escaped, unless they are markup themselves; lists are joined, absent ones left out. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, at) => text + markupOf(parts[at - 1]) + string));
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(markupOf).join('');
  return String(part).replace(/[&<>"']/g, (character) => entities[character]!);
}

const dataUri = /^data:image\/(?:png|jpeg|webp|avif|gif);base64,[A-Za-z0-9+/]+=*$/;

/** A picture that is part of the page: an address would be fetched from somewhere. */
export function requireDataUri(value: string): string {
  if (!dataUri.test(value)) throw new TypeError(`Expected a data URI of an image but received ${value.slice(0, 40)}`);
  return value;
}
