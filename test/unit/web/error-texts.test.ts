import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../../src/base/errors.js';
import { errorTexts } from '../../../web/src/lib/error-texts.js';

describe('the page', () => {
  it.each(Object.keys(errorCatalogue))('says in plain words what %s means and what to do', (code) => {
    const text = errorTexts[code];
    expect(text?.title).toMatch(/^[A-Z].*[^.]$/);
    expect(text?.advice).toMatch(/\.$/);
    expect(`${text?.title ?? ''} ${text?.advice ?? ''}`).not.toContain(code);
  });
});
