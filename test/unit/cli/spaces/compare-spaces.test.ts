import { describe, expect, it } from 'vitest';
import { formatComparison } from '../../../../src/cli/spaces/compare-spaces.js';
import type { SpaceComparison } from '../../../../src/spaces/compare/compare-spaces.js';

const interval = { mean: 0.5, low: 0.25, high: 0.75 };
const space = { description: '@m', state: 'ready', missing: 0, searchMs: 1.25, byIndex: 0 } as const;
const measure = {
  name: 'map_cut_100',
  meaning: '',
  a: { mean: 0.5, low: 0.4, high: 0.6 },
  b: { mean: 0.25, low: 0.2, high: 0.3 },
  difference: { mean: -0.25, low: -0.3, high: 0 },
};
const comparison: SpaceComparison = {
  a: { name: 'one', ...space },
  b: { name: 'two', ...space, missing: 1234, byIndex: 200 },
  seed: 1,
  k: 10,
  depth: 100,
  images: { stored: 12_000, shared: 10_766 },
  queries: 200,
  deleted: 0,
  short: 0,
  overlap: interval,
  labels: { labelled: 200, evaluated: 200, measures: [measure] },
  mostDifferent: [],
};

describe('formatComparison', () => {
  it('shows both spaces, the overlap, and each measure of both with their difference', () => {
    const text = formatComparison(comparison);
    expect(text).toContain(
      [
        '   space  state  method  missing    ms  by index',
        'A  one    ready  @m            0  1.25         0',
        'B  two    ready  @m        1,234  1.25       200',
      ].join('\n'),
    );
    expect(text).toContain('overlap@10  0.500 [0.250, 0.750]');
    expect(text).toMatch(
      /^map_cut_100 +0\.500 \[0\.400, 0\.600\] +0\.250 \[0\.200, 0\.300\] +−0\.250 \[−0\.300, 0\.000\]$/m,
    );
    expect(text).toContain('Searched for 200 of the 10,766 images that both spaces hold, 12,000 being stored.');
    expect(text).toContain('relevant is every other image of that label, and no image without one');
    for (const absent of ['Least in common', 'deleted', 'fewer than']) expect(text).not.toContain(absent);
  });

  it('says where the labels carry no measure', () => {
    const withLabels = (labelled: number): string =>
      formatComparison({ ...comparison, labels: { labelled, evaluated: 0, measures: [] } });
    expect(withLabels(0)).toContain('No image of the sample has a text metadata.label: the overlap says how far');
    expect(withLabels(3)).toContain('3 of them have a text metadata.label that no other image has: the overlap');
    expect(withLabels(0)).not.toContain('map_cut');
  });

  it('says what was passed over or cut short', () => {
    const text = formatComparison({ ...comparison, deleted: 2, short: 7 });
    expect(text).toContain('2 more were deleted during the comparison.');
    expect(text).toContain('7 queries have fewer than 100 results');
  });

  it('lists the queries that differ, whatever their names hold', () => {
    const query = { imageId: 'x', filename: 'a\u001b[31m.png', label: null, overlap: 0.1, a: [], b: [] };
    const text = formatComparison({ ...comparison, mostDifferent: [query] });
    expect(text).toMatch(/^ +0\.100 +– +a\u{fffd}\[31m\.png +x$/mu);
  });
});
