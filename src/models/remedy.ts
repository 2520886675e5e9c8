import { basename } from 'node:path';
import { findEntry } from './catalogue/catalogue.js';

/** What installs a model that is not there. */
export function howToGet(name: string): string {
  switch (findEntry(name)?.source.kind) {
    case 'hub':
      return `\`semblance models pull ${name}\` downloads it`;
    case 'export':
      return `docs/models.md says how it is exported, and \`semblance models add FILE --as ${name}\` installs it`;
    case undefined:
      return `\`semblance models list\` names those that there are, and \`semblance models add FILE --name ${name}\` installs one of your own`;
  }
}

/** What mends a model whose files are not those that they were. Names no path. @param model as loadModelManifest takes it */
export function howToMend(model: string): string {
  if (basename(model) !== model) return 'put its files back as they were';
  const remedy =
    findEntry(model)?.source.kind === 'hub'
      ? `\`semblance models pull ${model}\` installs it anew where it is not whole`
      : 'put its files back as they were';
  return `\`semblance models verify ${model}\` checks it; ${remedy}`;
}
