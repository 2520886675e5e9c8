import type { EvaluationDocument } from '../results/document.js';
import { html, type Html } from './html.js';
import { methodSection } from './method-section.js';
import { formatCount } from './numbers.js';
import type { ReportImages } from './report-images.js';
import { costSection, curvesSection, mainMeasureSection, measuresSection } from './sections.js';
import { reportStyle } from './style.js';

/** The ids whose pictures the report shows, each once. */
export function imagesOf({ methods }: EvaluationDocument): {
  readonly queries: ReadonlySet<string>;
  readonly gallery: ReadonlySet<string>;
} {
  const examples = methods.flatMap(({ best, worst }) => [...best, ...worst]);
  return {
    queries: new Set(examples.map(({ topicId }) => topicId)),
    gallery: new Set(examples.flatMap(({ results }) => results.map(({ documentId }) => documentId))),
  };
}

/**
 * The whole report as one HTML file, which loads nothing and runs no script: its policy forbids both. Methods stand in
 * the order of the main measure, the best first.
 */
export function renderReport(document: EvaluationDocument, images: ReportImages): string {
  const main = document.measures[0]!.name;
  const methods = document.methods.toSorted((a, b) => (b.measures[main]?.mean ?? 0) - (a.measures[main]?.mean ?? 0));
  const sorted = { ...document, methods };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        />
        <title>${document.title}</title>
        <style>
          ${reportStyle}
        </style>
      </head>
      <body>
        ${header(sorted)}
        <main>
          ${mainMeasureSection(sorted)} ${measuresSection(sorted)} ${curvesSection(sorted)} ${costSection(sorted)}
          ${methodsSection(sorted, images)} ${meaningSection(sorted)} ${leftOutSection(sorted)}
        </main>
        ${footer(sorted)}
      </body>
    </html> `;
  return page.markup.replace(/\n\s*(?=\n|<)/g, '\n');
}

function header({ title, dataset, notes }: EvaluationDocument): Html {
  return html`<header>
    <h1>${title}</h1>
    <p class="lead">${dataset.protocol}</p>
    <dl class="facts">
      ${fact('Data', dataset.name)} ${fact('Indexed images', formatCount(dataset.galleryImages))}
      ${fact('Queries', formatCount(dataset.queries))}
      ${dataset.classes !== undefined && fact('Classes', formatCount(dataset.classes))}
      ${
        dataset.queriesWithoutRelevant > 0 &&
        fact('Queries without a relevant image', formatCount(dataset.queriesWithoutRelevant))
      }
      ${dataset.leftOut.length > 0 && fact('Files left out', formatCount(dataset.leftOut.length))}
    </dl>
    ${
      notes.length > 0 &&
      html`<ul class="notes">
        ${notes.map((note) => html`<li>${note}</li>`)}
      </ul>`
    }
    <nav aria-label="Sections">
      <a href="#main-measure">Comparison</a> <a href="#measures">All measures</a>
      <a href="#curves">Precision and recall</a> <a href="#cost">Cost</a> <a href="#methods">Each method</a>
      <a href="#meaning">What the measures mean</a>
    </nav>
  </header>`;
}

function fact(name: string, value: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function methodsSection(document: EvaluationDocument, images: ReportImages): Html {
  return html`<section id="methods" aria-labelledby="methods-title">
    <h2 id="methods-title">Each method</h2>
    ${document.methods.map((method, at) => methodSection(document, method, images, at === 0))}
  </section>`;
}

function meaningSection({ measures, settings, dataset }: EvaluationDocument): Html {
  const percent = Math.round(settings.confidence * 100);
  return html`<section id="meaning" aria-labelledby="meaning-title">
    <h2 id="meaning-title">What the measures mean</h2>
    <dl class="meanings">
      ${measures.map(
        ({ name, meaning, inTrecEval }) =>
          html`<div>
            <dt><code>${name}</code></dt>
            <dd>${meaning}${inTrecEval ? ' Equal to trec_eval’s measure of this name.' : ''}</dd>
          </div>`,
      )}
      <div>
        <dt>Interval</dt>
        <dd>
          Where the mean would lie in ${percent} % of draws of as many queries from these, with replacement
          (${formatCount(settings.resamples)} draws, seed ${settings.seed}). A difference whose interval leaves out 0
          holds for queries of this kind; it says nothing about another gallery.
        </dd>
      </div>
      <div>
        <dt>Mean over</dt>
        <dd>
          ${
            settings.meanOver === 'both'
              ? 'the queries that have both results and judgements, as trec_eval does unless told otherwise.'
              : 'all judged queries; one without results counts 0, as trec_eval -c does.'
          }
          ${
            dataset.queriesWithoutRelevant > 0 &&
            html`The ${formatCount(dataset.queriesWithoutRelevant)} queries without a relevant image are in no mean.`
          }
        </dd>
      </div>
      <div>
        <dt>Depth</dt>
        <dd>
          Each query asks for ${formatCount(settings.depth)} results. What comes later counts as not found, in
          <code>map</code> too.
        </dd>
      </div>
      <div>
        <dt>Order</dt>
        <dd>By score, descending, compared as 32-bit floats; equal scores by id, descending; as in trec_eval.</dd>
      </div>
    </dl>
  </section>`;
}

function leftOutSection({ dataset: { leftOut } }: EvaluationDocument): Html | undefined {
  if (leftOut.length === 0) return undefined;
  return html`<section id="left-out" aria-labelledby="left-out-title">
    <h2 id="left-out-title">Files left out</h2>
    <details>
      <summary>
        ${leftOut.length === 1 ? '1 file is' : `${formatCount(leftOut.length)} files are`} neither indexed nor asked
      </summary>
      <div class="scroll" role="region" aria-label="Files left out" tabindex="0">
        <table>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            ${leftOut.map(
              ({ file, reason }) =>
                html`<tr>
                  <th scope="row">${file}</th>
                  <td>${reason}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </section>`;
}

function footer({ createdAt, settings }: EvaluationDocument): Html {
  return html`<footer>
    <p>
      Made by <code>semblance evaluate</code>,
      <time datetime="${createdAt}">${createdAt.slice(0, 16).replace('T', ' ')}</time>
      UTC, seed ${settings.seed}.
    </p>
  </footer>`;
}
