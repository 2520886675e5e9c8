import { describe, expect, it } from 'vitest';
import { howToGet, howToMend } from '../../../src/models/remedy.js';

describe('what may be run about a model', () => {
  it.each([
    ['dinov2-base', '`semblance models pull dinov2-base` downloads it'],
    ['resnet50', 'docs/models.md says how it is exported, and `semblance models add FILE --as resnet50` installs it'],
    [
      'mine',
      '`semblance models list` names those that there are, and `semblance models add FILE --name mine` installs one of your own',
    ],
  ])('that is not there: %s', (name, sentence) => {
    expect(howToGet(name)).toBe(sentence);
  });

  it.each([
    [
      'dinov2-base',
      '`semblance models verify dinov2-base` checks it; `semblance models pull dinov2-base` installs it anew where it is not whole',
    ],
    ['mine', '`semblance models verify mine` checks it; put its files back as they were'],
    // No command takes a path, and none is repeated.
    ['/srv/models/dinov2-base', 'put its files back as they were'],
  ])('whose files are others: %s', (model, sentence) => {
    expect(howToMend(model)).toBe(sentence);
  });
});
