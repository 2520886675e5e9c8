import { describe, expect, it } from 'vitest';
import { classQrels } from '../../../../src/evaluate/datasets/class-qrels.js';
import { formatDocument, parseDocument, type EvaluationDocument } from '../../../../src/evaluate/results/document.js';
import { evaluateRun } from '../../../../src/evaluate/results/evaluate-run.js';
import { parseMeasures } from '../../../../src/math/measures/measure.js';
import { decimalsFor, formatBytes, formatDifference, formatMs } from '../../../../src/evaluate/report/numbers.js';
import { imagesOf, renderReport } from '../../../../src/evaluate/report/report.js';
import { summariseMethod } from '../../../../src/evaluate/results/summarise.js';

const hostile = `<script>alert("1")</script>&'`;
const picture = 'data:image/png;base64,iVBORw0KGgo=';
const classes = new Map([
  ['a1', 'apple'],
  ['a2', 'apple'],
  ['b1', hostile],
  ['b2', hostile],
]);
const classOf = (id: string): string | undefined => classes.get(id);
const qrels = classQrels(classes, classes);
const measures = parseMeasures(['map', 'P_1', 'map_cut_min_2']);
const bootstrap = { seed: 1, resamples: 200 };

async function makeDocument(): Promise<EvaluationDocument> {
  const evaluate = (order: (id: string) => readonly string[]) =>
    evaluateRun(
      Array.from(classes.keys(), (topicId) => {
        const documentIds = order(topicId).filter((id) => id !== topicId);
        return { topicId, documentIds, scores: documentIds.map((_, at) => -at) };
      }),
      { qrels, measures },
    );
  const good = await evaluate(() => ['a1', 'a2', 'b1', 'b2']);
  const bad = await evaluate((id) => (id.startsWith('a') ? ['b1', 'b2', 'a1', 'a2'] : ['a1', 'a2', 'b1', 'b2']));
  const shared = { qrels, bootstrap, classOf: { topic: classOf, document: classOf }, examples: 1 };
  return {
    schema: 'semblance-evaluation',
    version: 1,
    title: `Which method? ${hostile}`,
    createdAt: '2024-05-06T07:08:09Z',
    dataset: {
      name: 'four',
      protocol: 'Each image searches the others.',
      galleryImages: 4,
      queries: 4,
      classes: 2,
      queriesWithoutRelevant: 0,
      leftOut: [{ file: `${hostile}.jpg`, reason: 'no image' }],
    },
    settings: { depth: 3, seed: 1, resamples: 200, confidence: 0.95, meanOver: 'both' },
    measures: measures.map(({ name, meaning, inTrecEval }) => ({ name, meaning, inTrecEval })),
    baseline: 'bad',
    methods: [
      summariseMethod({ ...shared, name: 'bad', evaluation: bad }),
      summariseMethod({
        ...shared,
        name: `good ${hostile}`,
        description: 'In order.',
        evaluation: good,
        baseline: bad,
        cost: { perIndexedImageMs: 3, perQueryMs: { mean: 2, median: 1.5, p95: 4 }, indexBytes: 12_345 },
      }),
    ],
    references: [{ name: 'published', source: 'a paper', measures: { map: 0.0019 } }],
    notes: ['What does not help stays.'],
  };
}

const document = await makeDocument();
const images = { query: () => picture, gallery: () => picture };
const page = renderReport(document, images);

describe('a method’s summary', () => {
  it('holds intervals, differences, classes, confusion and examples', () => {
    const [, good] = document.methods;
    expect(good?.measures.map?.mean).toBeCloseTo((1 + 1 + 1 / 3 + 1 / 3) / 4, 12);
    expect(good?.differences?.map?.mean).toBeCloseTo((0.5 + 2 / 3 + 0 + 0) / 4, 1);
    expect(good?.classes?.map(({ name }) => name)).toEqual([hostile, 'apple']);
    expect(good?.confusion?.counts).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(good?.best).toEqual([
      {
        topicId: 'a1',
        className: 'apple',
        value: 1,
        results: [
          { documentId: 'a2', className: 'apple', relevant: true },
          { documentId: 'b1', className: hostile, relevant: false },
          { documentId: 'b2', className: hostile, relevant: false },
        ],
      },
    ]);
    expect(good?.worst[0]?.topicId).toBe('b1');
    expect(document.methods[0]).not.toHaveProperty('differences');
  });
});

describe('the document', () => {
  it('is read back as it was written', () => {
    expect(parseDocument(formatDocument(document))).toEqual(document);
  });

  it.each([
    ['{', 'x.json is not JSON'],
    ['{}', 'x.json is not an evaluation: schema: '],
    [formatDocument(document).replace('"version": 1', '"version": 2'), 'x.json is not an evaluation: version: '],
  ])('refuses what is not one', (text, message) => {
    expect(() => parseDocument(text, 'x.json')).toThrow(message);
  });

  it('is not written with a value that it may not hold', () => {
    const settings = { ...document.settings, confidence: NaN };
    expect(() => formatDocument({ ...document, settings })).toThrow();
  });
});

describe('the report', () => {
  it('loads nothing and runs nothing', () => {
    expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<(?:script|link|iframe|object|use|image)\b/i);
    const addresses = Array.from(page.matchAll(/\b(?:src|href|xlink:href)="([^"]*)"/g), ([, address = '']) => address);
    expect(addresses.length).toBeGreaterThan(10);
    expect(addresses.filter((address) => !/^(?:#|data:image\/)/.test(address))).toEqual([]);
    expect(page).not.toMatch(/url\((?!#)|@import|\son\w+=/i);
  });

  it('escapes every name, in drawings too', () => {
    expect(page).not.toContain('<script');
    expect(page.match(/&lt;script&gt;/g)?.length).toBeGreaterThan(10);
  });

  it('puts the best method first, with the others folded', () => {
    const sections = Array.from(
      page.matchAll(/<details\s+class="method"\s+id="method-\d"\s*(open)?\s*>\s*<summary>\s*<h3>([^<]*)/g),
    );
    expect(sections.map(([, open, name = '']) => [open, name.slice(0, 4)])).toEqual([
      ['open', 'good'],
      [undefined, 'bad'],
    ]);
  });

  it('draws means, curves, classes and confusion with the colours of the page, each with its words', () => {
    const drawings = page.match(/<svg[^>]*viewBox/g) ?? [];
    // Means, curves, and for each of two methods its classes and its confusion.
    expect(drawings).toHaveLength(6);
    expect(page.match(/role="img" aria-label="[^"]{20,}"/g)?.length).toBe(6);
    expect(page).toContain('fill="var(--series-0)"');
    expect(page).toContain('fill="var(--reference)"');
    const used = new Set(Array.from(page.matchAll(/var\((--[a-z0-9-]+)\)/g), ([, name = '']) => name));
    for (const name of used) {
      // Once for light, once for dark.
      expect(page.split(`${name}:`).length - 1, name).toBe(2);
    }
    // A colour outside the page's palette is one that someone forgot. A clip path is never seen.
    const seen = page.replace(/<clipPath[\s\S]*?<\/clipPath>/g, '');
    expect(seen).not.toMatch(/ (?:fill|stroke)="(?!var\(|none")/);
  });

  it('marks relevance by more than colour', () => {
    // One of three results in each of two best and two worst queries.
    expect(page.match(/class="relevant"/g)).toHaveLength(4);
    expect(page).toMatch(/✓<\/span\s*><span class="hidden">relevant: <\/span>/);
    expect(page).toMatch(/✗<\/span\s*><span class="hidden">not relevant: <\/span>/);
  });

  it('says what the measures mean, what was left out and what stands beside', () => {
    expect(page).toContain('Not one of trec_eval&#39;s measures');
    expect(page).toContain('In grey: published figures');
    expect(page).toContain('1 file is neither indexed nor asked');
    expect(page).toContain('What does not help stays.');
    expect(page).toContain('12.3 KB');
  });

  it('shows the pictures it names, and a blank for one there is not', () => {
    const needed = imagesOf(document);
    expect([...needed.queries].sort()).toEqual(['a1', 'b1']);
    expect([...needed.gallery].sort()).toEqual(['a1', 'a2', 'b1', 'b2']);
    expect(page.split(`src="${picture}"`).length - 1).toBe(16);
    const blank = renderReport(document, { query: () => undefined, gallery: () => picture });
    expect(blank.match(/class="blank"/g)).toHaveLength(4);
  });

  it('refuses a picture that would be fetched', () => {
    const fetched = { query: () => 'https://example.com/a.png', gallery: () => picture };
    expect(() => renderReport(document, fetched)).toThrow('Expected a data URI of an image but received https://');
  });

  it('does without classes, costs, references and notes', () => {
    const methods = document.methods.map(({ classes: _c, confusion: _f, differences: _d, ...method }) => ({
      ...method,
      best: [],
      worst: [],
      cost: {},
    }));
    const { baseline: _baseline, ...rest } = document;
    const dataset = { ...document.dataset, leftOut: [] };
    const bare = renderReport({ ...rest, dataset, methods, references: [], notes: [] }, images);
    expect(bare.match(/<svg[^>]*viewBox/g)).toHaveLength(2);
    expect(bare).not.toContain('What each costs');
    expect(bare).not.toContain('undefined');
  });
});

describe('figures', () => {
  it('have three digits of the largest beside them', () => {
    expect([[0.5], [0.0088], [0.0088, 0.5], [0], []].map(decimalsFor)).toEqual([3, 5, 3, 3, 3]);
    expect([0.0123, -0.0123, 0.0001].map((value) => formatDifference(value, 3))).toEqual(['+0.012', '−0.012', '0.000']);
    expect([0, 999, 1_000, 4_700_000, 1.5e13].map(formatBytes)).toEqual([
      '0 B',
      '999 B',
      '1.00 KB',
      '4.70 MB',
      '15.0 TB',
    ]);
    expect([0.123, 12.34, 123.4].map(formatMs)).toEqual(['0.12', '12.3', '123']);
  });
});
