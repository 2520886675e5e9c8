import type { EvaluationDocument, ExampleDocument, MethodDocument } from '../results/document.js';
import { classChart, confusionChart } from './charts.js';
import { html, requireDataUri, type Html } from './html.js';
import { decimalsFor, formatCount } from './numbers.js';
import type { ReportImages } from './report-images.js';
import { figure, scrollingTable } from './sections.js';

const confusionsListed = 10;

/** Classes, confusion, best and worst queries of one method, folded unless `open`. */
export function methodSection(
  document: EvaluationDocument,
  method: MethodDocument,
  images: ReportImages,
  open: boolean,
): Html {
  const main = document.measures[0]!.name;
  const mean = method.measures[main]?.mean ?? 0;
  const number = document.methods.indexOf(method) + 1;
  return html`<details class="method" id="method-${number}" ${open && 'open'}>
    <summary>
      <h3>${method.name}</h3>
      <span>${main} ${mean.toFixed(decimalsFor([mean]))}</span>
    </summary>
    ${method.description !== undefined && html`<p>${method.description}</p>`} ${classes(method, main)}
    ${confusion(method)} ${examples('Best queries', method.best, main, images)}
    ${examples('Worst queries', method.worst, main, images)}
  </details>`;
}

function classes({ name, classes: rows, measures }: MethodDocument, main: string): Html | undefined {
  if (rows === undefined || rows.length === 0) return undefined;
  const sorted = rows.toSorted((a, b) => (b.means[main] ?? 0) - (a.means[main] ?? 0));
  const bars = sorted.map((row) => ({ name: row.name, mean: row.means[main] ?? 0 }));
  const table = html`<table class="figures">
    <thead>
      <tr>
        <th scope="col">Class</th>
        <th scope="col">Queries</th>
        ${Object.keys(measures).map((measure) => html`<th scope="col">${measure}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${sorted.map(
        (row) =>
          html`<tr>
            <th scope="row">${row.name}</th>
            <td>${formatCount(row.queries)}</td>
            ${Object.keys(measures).map((measure) => html`<td>${(row.means[measure] ?? 0).toFixed(3)}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`<h4><code>${main}</code> by class</h4>
    ${figure(
      classChart(bars, measures[main]?.mean ?? 0),
      `A bar per class of ${main} for ${name}, the highest first. The table below holds the figures.`,
      html`<details>
        <summary>All measures by class</summary>
        ${scrollingTable(`Measures of ${name} by class`, table)}
      </details>`,
    )}`;
}

function confusion({ name, confusion: cells }: MethodDocument): Html | undefined {
  if (cells === undefined || cells.classes.length === 0) return undefined;
  const right = cells.counts.reduce((sum, row, at) => sum + row[at]!, 0);
  const without = cells.withoutNeighbour.reduce((sum, count) => sum + count, 0);
  const total = cells.counts.flat().reduce((sum, count) => sum + count, without);
  const mistakes = cells.counts
    .flatMap((row, from) => row.map((count, to) => ({ from, to, count })))
    .filter(({ from, to, count }) => from !== to && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, confusionsListed);
  const list = html`<table>
    <thead>
      <tr>
        <th scope="col">Query of class</th>
        <th scope="col">First neighbour of class</th>
        <th scope="col">Queries</th>
      </tr>
    </thead>
    <tbody>
      ${mistakes.map(
        ({ from, to, count }) =>
          html`<tr>
            <th scope="row">${cells.classes[from]}</th>
            <td>${cells.classes[to]}</td>
            <td>${formatCount(count)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
  return html`<h4>Class of the first neighbour</h4>
    <p>
      Rows: class of the query; columns: class of its first neighbour. ${formatCount(right)} of ${formatCount(total)}
      have a first neighbour of their class${without > 0 && `; ${formatCount(without)} have none`}.
    </p>
    ${figure(
      confusionChart(cells),
      `Confusion matrix of the first neighbour for ${name}. The table below lists the most frequent confusions.`,
      mistakes.length > 0
        ? html`<details>
            <summary>The most frequent confusions</summary>
            ${scrollingTable(`Most frequent confusions of ${name}`, list)}
          </details>`
        : undefined,
    )}`;
}

function examples(
  title: string,
  rows: readonly ExampleDocument[],
  main: string,
  images: ReportImages,
): Html | undefined {
  if (rows.length === 0) return undefined;
  return html`<h4>${title}</h4>
    ${rows.map(
      (row) =>
        html`<div class="sheet">
          <figure class="query">
            ${picture(images.query(row.topicId), `Query ${row.topicId}`)}
            <figcaption>
              <b>${row.className ?? row.topicId}</b>
              <span title="${row.topicId}">${main} ${row.value.toFixed(decimalsFor([row.value]))}</span>
            </figcaption>
          </figure>
          <ol>
            ${row.results.map(
              ({ documentId, className, relevant }) =>
                html`<li class="${relevant ? 'relevant' : 'other'}">
                  <figure>
                    ${picture(images.gallery(documentId), documentId)}
                    <figcaption title="${documentId}">
                      <span aria-hidden="true">${relevant ? '✓' : '✗'}</span
                      ><span class="hidden">${relevant ? 'relevant: ' : 'not relevant: '}</span>
                      ${className ?? documentId}
                    </figcaption>
                  </figure>
                </li>`,
            )}
          </ol>
          ${row.results.length === 0 && html`<p>No result.</p>`}
        </div>`,
    )}`;
}

function picture(uri: string | undefined, name: string): Html {
  return uri === undefined
    ? html`<div class="blank" role="img" aria-label="${name}, no picture"></div>`
    : html`<img src="${requireDataUri(uri)}" alt="${name}" decoding="async" />`;
}
