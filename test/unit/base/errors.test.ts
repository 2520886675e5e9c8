import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCatalogue, invalidArgument, SemblanceError } from '../../../src/base/errors.js';
import { packageRoot } from '../../../src/base/paths.js';

describe('invalidArgument', () => {
  it.each([
    ['k', 'an integer from 1 to 1000', 0, 'Expected an integer from 1 to 1000 for k but received 0'],
    ['k', 'an integer from 1 to 1000', NaN, 'Expected an integer from 1 to 1000 for k but received NaN'],
    ['id', 'a UUID', 'nonsense', 'Expected a UUID for id but received "nonsense"'],
    ['metadata', 'a JSON object', [1], 'Expected a JSON object for metadata but received [1]'],
    ['file', 'an image', undefined, 'Expected an image for file but received nothing'],
  ])('says what was expected for %s', (name, expected, received, message) => {
    expect(invalidArgument(name, expected, received).message).toBe(message);
  });

  it('cuts a long value', () => {
    expect(invalidArgument('id', 'a UUID', 'x'.repeat(10_000)).message.length).toBeLessThan(150);
  });
});

it('gives every code an HTTP status and a remedy', () => {
  for (const [code, { status, remedy }] of Object.entries(errorCatalogue)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(remedy).toMatch(/\.$/);
    expect(new SemblanceError(code as keyof typeof errorCatalogue, 'x').status).toBe(status);
  }
});

it('is listed in docs/errors.md, code by code', () => {
  const page = readFileSync(join(packageRoot, 'docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)].map(([, code, status, remedy]) => ({
    code,
    status,
    remedy,
  }));
  const catalogue = Object.entries(errorCatalogue).map(([code, { status, remedy }]) => ({
    code,
    status: String(status),
    remedy,
  }));
  expect(rows).toEqual(catalogue);
});
