import type { EvaluationDocument, MethodDocument } from '../results/document.js';
import { recallLevels } from '../../math/measures/iprec-at-recall.js';
import { seriesStyle } from './chart.js';
import { meansChart, precisionRecallChart, type MeanRow } from './charts.js';
import { Html, html } from './html.js';
import { decimalsFor, formatBytes, formatCount, formatDifference, formatMs } from './numbers.js';

/** A drawing with its words: its table says the same to whoever cannot see it. */
export function figure(drawing: Html, description: string, more?: Html): Html {
  return html`<figure>
    <div class="scroll chart" role="img" aria-label="${description}">${drawing}</div>
    ${more}
  </figure>`;
}

export function scrollingTable(name: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${name}" tabindex="0">${table}</div>`;
}

export function mainMeasureSection({ measures, methods, references, baseline }: EvaluationDocument): Html {
  const { name, meaning } = measures[0]!;
  const rows: readonly MeanRow[] = [
    ...methods.flatMap((method) => {
      const interval = method.measures[name];
      return interval === undefined ? [] : [{ name: method.name, mean: interval.mean, interval }];
    }),
    ...references.flatMap((reference) => {
      const value = reference.measures[name];
      return value === undefined ? [] : [{ name: reference.name, mean: value }];
    }),
  ].toSorted((a, b) => b.mean - a.mean);
  const [best] = methods;
  const decimals = decimalsFor(rows.map(({ mean }) => mean));
  const difference = best?.differences?.[name];
  return html`<section id="main-measure" aria-labelledby="main-title">
    <h2 id="main-title">Methods by <code>${name}</code></h2>
    <p>${meaning}</p>
    ${
      best !== undefined &&
      html`<p>
        Highest: <strong>${best.name}</strong>,
        ${(best.measures[name]?.mean ?? 0).toFixed(decimals)}${
          difference !== undefined &&
          baseline !== undefined &&
          html`; ${formatDifference(difference.mean, decimals + 1)} against ${baseline}
          (${formatDifference(difference.low, decimals + 1)} to ${formatDifference(difference.high, decimals + 1)})`
        }.
      </p>`
    }
    ${figure(meansChart(rows), `Bars of ${name} with intervals for each method. The next table holds the figures.`)}
    ${
      rows.some(({ interval }) => interval === undefined) &&
      html`<p class="small">In grey: published figures, which have no interval.</p>`
    }
  </section>`;
}

export function measuresSection({ measures, methods, references, baseline, settings }: EvaluationDocument): Html {
  const main = measures[0]!.name;
  const highest = new Map(
    measures.map(({ name }) => [name, Math.max(...methods.map((method) => method.measures[name]?.mean ?? -Infinity))]),
  );
  const decimals = new Map(measures.map(({ name }) => [name, decimalsFor([highest.get(name) ?? 0])]));
  const withDifferences = methods.some(({ differences }) => differences?.[main] !== undefined);
  const cell = (method: MethodDocument, name: string): Html => {
    const interval = method.measures[name];
    if (interval === undefined) return html`<td>–</td>`;
    const digits = decimals.get(name);
    const value = interval.mean.toFixed(digits);
    const marked = interval.mean === highest.get(name) ? html`<strong>${value}</strong>` : value;
    return html`<td>
      ${marked}<span class="interval">${interval.low.toFixed(digits)} – ${interval.high.toFixed(digits)}</span>
    </td>`;
  };
  const difference = (method: MethodDocument): Html => {
    const interval = method.differences?.[main];
    if (interval === undefined) return html`<td>${method.name === baseline ? 'baseline' : '–'}</td>`;
    const clear = interval.low > 0 || interval.high < 0;
    const digits = (decimals.get(main) ?? 3) + 1;
    const mean = formatDifference(interval.mean, digits);
    return html`<td>
      ${clear ? html`<strong>${mean}</strong>` : mean}<span class="interval"
        >${formatDifference(interval.low, digits)} to ${formatDifference(interval.high, digits)}</span
      >
    </td>`;
  };
  const table = html`<table class="figures">
    <thead>
      <tr>
        <th scope="col">Method</th>
        ${measures.map(({ name }) => html`<th scope="col"><a href="#meaning">${name}</a></th>`)}
        ${withDifferences && html`<th scope="col">${main} over ${baseline ?? 'baseline'}</th>`}
        <th scope="col">Queries</th>
      </tr>
    </thead>
    <tbody>
      ${methods.map(
        (method, at) =>
          html`<tr>
            <th scope="row">
              <a href="#method-${at + 1}">${method.name}</a>
            </th>
            ${measures.map(({ name }) => cell(method, name))} ${withDifferences && difference(method)}
            <td>${queriesOf(method)}</td>
          </tr>`,
      )}
      ${references.map(
        (reference) =>
          html`<tr class="reference">
            <th scope="row">${reference.name}<span class="interval">${reference.source}</span></th>
            ${measures.map(({ name }) => {
              const value = reference.measures[name];
              return html`<td>${value === undefined ? '–' : value.toFixed(decimals.get(name))}</td>`;
            })}
            ${withDifferences && html`<td>–</td>`}
            <td>–</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`<section id="measures" aria-labelledby="measures-title">
    <h2 id="measures-title">All measures</h2>
    <p>
      The mean, and its ${Math.round(settings.confidence * 100)} % interval below; the highest of each column is
      bold.${withDifferences && ' A bold difference has an interval that leaves out 0.'}
    </p>
    ${scrollingTable('All measures', table)}
  </section>`;
}

function queriesOf({ topics: { evaluated, missing, unjudged } }: MethodDocument): Html {
  const rest = [missing > 0 && `${missing} without results`, unjudged > 0 && `${unjudged} not judged`].filter(
    (text) => text !== false,
  );
  return html`${formatCount(evaluated)}${rest.length > 0 && html`<span class="interval">${rest.join(', ')}</span>`}`;
}

export function curvesSection({ methods }: EvaluationDocument): Html {
  const curves = methods.map(({ interpolatedPrecision }) => interpolatedPrecision);
  const table = html`<table class="figures">
    <thead>
      <tr>
        <th scope="col">Method</th>
        ${recallLevels.map((recall) => html`<th scope="col">${recall.toFixed(1)}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${methods.map(
        ({ name, interpolatedPrecision }) =>
          html`<tr>
            <th scope="row">${name}</th>
            ${interpolatedPrecision.map((precision) => html`<td>${precision.toFixed(3)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`<section id="curves" aria-labelledby="curves-title">
    <h2 id="curves-title">Precision and recall</h2>
    <p>
      Interpolated precision at eleven recalls (<code>iprec_at_recall</code> of trec_eval), averaged over queries.
      Recall beyond the results that were asked for is never reached and counts 0.
    </p>
    ${figure(
      precisionRecallChart(curves),
      'Precision-recall curves, one per method. The table below holds the figures.',
      html`<ul class="legend">
          ${methods.map(({ name }, at) => html`<li>${swatch(at)} ${name}</li>`)}
        </ul>
        <details>
          <summary>The figures</summary>
          ${scrollingTable('Interpolated precision by recall', table)}
        </details>`,
    )}
  </section>`;
}

const shapes: Readonly<Record<string, string>> = {
  circle: '<circle cx="18" cy="7" r="4"/>',
  rect: '<rect x="14" y="3" width="8" height="8"/>',
  triangle: '<path d="M18 2.5l4.5 8.5h-9z"/>',
  diamond: '<path d="M18 2l4.5 5-4.5 5-4.5-5z"/>',
};

function swatch(index: number): Html {
  const { colour, dash, symbol } = seriesStyle(index);
  const pattern = { solid: '', dashed: ' stroke-dasharray="6 4"', dotted: ' stroke-dasharray="2 3"' }[dash];
  const line = `<path d="M0 7h36" stroke="${colour}" stroke-width="2"${pattern}/>`;
  return new Html(
    `<svg width="36" height="14" aria-hidden="true" focusable="false" fill="${colour}">${line}${shapes[symbol]!}</svg>`,
  );
}

export function costSection({ methods }: EvaluationDocument): Html | undefined {
  if (methods.every(({ cost }) => Object.keys(cost).length === 0)) return undefined;
  const ms = (value: number | undefined): Html => html`<td>${value === undefined ? '–' : `${formatMs(value)} ms`}</td>`;
  const notes = [...new Set(methods.flatMap(({ cost: { note } }) => note ?? []))];
  const table = html`<table class="figures">
    <thead>
      <tr>
        <th scope="col">Method</th>
        <th scope="col">Per query, median</th>
        <th scope="col">mean</th>
        <th scope="col">95th percentile</th>
        <th scope="col">Per indexed image</th>
        <th scope="col">Size of the index</th>
      </tr>
    </thead>
    <tbody>
      ${methods.map(
        ({ name, cost: { perQueryMs, perIndexedImageMs, indexBytes } }) =>
          html`<tr>
            <th scope="row">${name}</th>
            ${ms(perQueryMs?.median)} ${ms(perQueryMs?.mean)} ${ms(perQueryMs?.p95)} ${ms(perIndexedImageMs)}
            <td>${indexBytes === undefined ? '–' : formatBytes(indexBytes)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`<section id="cost" aria-labelledby="cost-title">
    <h2 id="cost-title">What each costs</h2>
    ${notes.map((note) => html`<p>${note}</p>`)} ${scrollingTable('Times and sizes', table)}
  </section>`;
}
