import { describe, expect, it } from 'vitest';
import { formatAnswer, formatAnswerJson, formatBytes, formatTable } from '../../../src/cli/output.js';
import { printable } from '../../../src/base/printable.js';

describe('formatAnswer', () => {
  it('tells rank, similarity, filename and id', () => {
    const image = { id: '7e2f', filename: 'a.jpg', metadata: {} };
    const hits = [
      { image, similarity: 0.98765 },
      { image: { ...image, filename: 'long name.jpg' }, similarity: -0.5 },
    ];
    expect(formatAnswer({ space: 's', mode: 'exact', hits })).toBe(
      [
        'rank  similarity  filename       id',
        '   1       0.988  a.jpg          7e2f',
        '   2      -0.500  long name.jpg  7e2f',
      ].join('\n'),
    );
  });

  it('tells the score of a re-ranker, and which part matched where some did by a part', () => {
    const image = { id: '7e2f', filename: 'a.jpg', metadata: {} };
    const hits = [
      { image, similarity: 1, score: Infinity, region: { x: 0.25, y: 0, width: 0.5, height: 1 / 3 } },
      { image, similarity: 0.9, score: -0.123456, region: undefined },
    ];
    expect(formatAnswer({ space: 's', mode: 'exact', rerank: 'SSIM_OVER_EUCLIDEAN', hits })).toBe(
      [
        'rank    score  similarity  region            filename  id',
        '   1        ∞       1.000  0.25,0,0.5,0.333  a.jpg     7e2f',
        '   2  -0.1235       0.900  whole             a.jpg     7e2f',
      ].join('\n'),
    );
  });

  it('tells label and path where some have them, and no path that is the filename', () => {
    const of = (metadata: Record<string, unknown>) => ({
      image: { id: '7e2f', filename: 'a.jpg', metadata },
      similarity: 1,
    });
    const hits = [
      of({ label: 'cat', path: 'pets/a.jpg' }),
      of({ label: 7, path: 'a.jpg' }),
      of({ path: `${'x'.repeat(100)}/a\u001b.jpg` }),
    ];
    expect(formatAnswer({ space: 's', mode: 'exact', hits }).split('\n')).toEqual([
      `rank  similarity  filename  label  path${' '.repeat(56)}  id`,
      `   1       1.000  a.jpg     cat    pets/a.jpg${' '.repeat(50)}  7e2f`,
      `   2       1.000  a.jpg            ${' '.repeat(60)}  7e2f`,
      `   3       1.000  a.jpg            …${'x'.repeat(52)}/a\ufffd.jpg  7e2f`,
    ]);
    const unlabelled = [of({ path: 'a.jpg' }), of({})];
    expect(formatAnswer({ space: 's', mode: 'exact', hits: unlabelled })).toMatch(
      /^rank {2}similarity {2}filename {2}id$/m,
    );
  });

  it('says that nothing was found', () => {
    expect(formatAnswer({ space: 's', mode: 'exact', hits: [] })).toBe('No image was found.');
  });
});

describe('formatAnswerJson', () => {
  it('writes an infinite score as the largest number, and leaves out what was not asked for', () => {
    const image = { id: '7e2f', filename: 'a.jpg', metadata: {} };
    const scored = formatAnswerJson({
      space: 's',
      mode: 'hnsw',
      rerank: 'SSIM',
      hits: [{ image, similarity: 1, score: Infinity }],
    });
    expect(JSON.parse(scored)).toEqual({
      space: 's',
      mode: 'hnsw',
      rerank: 'SSIM',
      results: [{ rank: 1, similarity: 1, score: Number.MAX_VALUE, ...image }],
    });
    const plain = formatAnswerJson({ space: 's', mode: 'hnsw', hits: [{ image, similarity: 1 }] });
    expect(JSON.parse(plain)).toEqual({ space: 's', mode: 'hnsw', results: [{ rank: 1, similarity: 1, ...image }] });
  });
});

describe('formatTable', () => {
  it('counts two columns for wide characters', () => {
    expect(
      formatTable([
        ['日本', 'x'],
        ['abcd', 'y'],
      ]),
    ).toBe('日本  x\nabcd  y');
  });
});

describe('printable', () => {
  it('lets no escape sequence of a filename reach the terminal', () => {
    expect(printable('a\u001b[31m\nb\u202ec')).toBe('a\ufffd[31m\ufffdb\ufffdc');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_000, '1.0 kB'],
    [25_340_000, '25.3 MB'],
    [3e13, '30.0 TB'],
  ])('%i is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
