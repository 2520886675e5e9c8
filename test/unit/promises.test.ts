import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const title = '## What is promised, and what holds it\n';
const testFile = /`(test\/[\w./-]+\.test\.ts)`/g;

function rowsOf(markdown: string): readonly (readonly [promise: string, tests: readonly string[]])[] {
  const section = (markdown.split(title)[1] ?? '').split('\n## ')[0] ?? '';
  return section.split('\n').flatMap((line) => {
    const [, promise, tests] = line.split('|').map((cell) => cell.trim());
    if (promise === undefined || tests === undefined || promise === 'promise' || promise.startsWith('---')) return [];
    return [[promise, [...tests.matchAll(testFile)].map(([, file = '']) => file)] as const];
  });
}

const rows = rowsOf(readFileSync('README.md', 'utf8'));

describe('the README promises', () => {
  it('a number of things', () => {
    expect(rows.length).toBeGreaterThan(20);
  });

  it.each(rows)('%s: by tests that there are', (_promise, tests) => {
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((file) => !existsSync(file))).toEqual([]);
  });
});

it('every test that a page of the documentation names is there', () => {
  const docs = readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name));
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...docs];
  const missing = pages
    .filter((page) => page.endsWith('.md'))
    .flatMap((page) => [...readFileSync(page, 'utf8').matchAll(testFile)].map(([, file = '']) => ({ page, file })))
    .filter(({ file }) => !existsSync(file));
  expect(missing).toEqual([]);
});
