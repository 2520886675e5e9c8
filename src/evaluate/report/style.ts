import { Html } from './html.js';

/** Both palettes reach a contrast of 4.5 for text and 3 for lines and marks on their ground (WCAG 2.2). */
export const reportStyle = new Html(`
:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --ink: #1b1f24; --muted: #57606a; --line: #d5d9df; --link: #0b5cad;
  --relevant: #1a7f37; --other: #b3261e; --reference: #8b929c; --heat: #1f5fa8;
  --series-0: #1f5fa8; --series-1: #b7500a; --series-2: #1a7f5a; --series-3: #a3277a;
  --series-4: #7a5c00; --series-5: #6446c0; --series-6: #00758f; --series-7: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1d2127; --ink: #e8eaed; --muted: #a3abb5; --line: #39414b; --link: #7db7f5;
    --relevant: #57c785; --other: #ff8a80; --reference: #7f8894; --heat: #4f8fd6;
    --series-0: #6fb0f5; --series-1: #f2a25c; --series-2: #5fcfa0; --series-3: #ee8ac6;
    --series-4: #dcc04f; --series-5: #b3a0f5; --series-6: #58c8dd; --series-7: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header { padding-top: 2.5rem; }
section { margin: 3rem 0; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.4rem; margin: 0 0 .75rem; }
h3 { font-size: 1.1rem; margin: 0; }
h4 { font-size: 1rem; margin: 2rem 0 .5rem; }
p, .notes, .meanings { max-width: 46rem; }
p { margin: 0 0 .75rem; }
.lead { color: var(--muted); font-size: 1.1rem; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.facts { display: flex; flex-wrap: wrap; gap: .5rem 2.25rem; margin: 1.25rem 0; }
.facts dt { color: var(--muted); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.notes { padding: .75rem 1rem .75rem 2rem; margin: 0 0 1.25rem; background: var(--raised); border-left: 4px solid var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: .75rem 0; border-block: 1px solid var(--line); }
.scroll { overflow-x: auto; }
figure { margin: 0; }
.chart svg { display: block; width: 100%; height: auto; font-family: inherit; }
.small, .interval { font-size: .8rem; color: var(--muted); }
.interval { display: block; white-space: nowrap; font-weight: normal; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .8rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { font-size: .85rem; color: var(--muted); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; min-width: 11rem; max-width: 20rem; overflow-wrap: anywhere; }
td + td, th + td { padding-left: .4rem; }
.figures td, .figures thead th:not(:first-child) { text-align: right; white-space: nowrap; }
.figures th:first-child { position: sticky; left: 0; background: var(--ground); }
.reference th, .reference td { color: var(--muted); }
.reference .interval { white-space: normal; }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; padding: 0; margin: .75rem 0; list-style: none; }
.legend li { display: flex; align-items: center; gap: .5rem; }
summary { cursor: pointer; padding: .35rem 0; }
.method { border-top: 1px solid var(--line); padding: .25rem 0; }
.method:last-child { border-bottom: 1px solid var(--line); }
.method > summary { display: flex; align-items: baseline; gap: .75rem; padding: .65rem 0; list-style: none; overflow-wrap: anywhere; }
.method > summary::-webkit-details-marker { display: none; }
.method > summary::before { content: "▸"; color: var(--muted); }
.method[open] > summary::before { content: "▾"; }
.method > summary span { margin-left: auto; color: var(--muted); font-variant-numeric: tabular-nums; }
.method > :not(summary) { margin-left: 1.5rem; }
.method > .sheet { margin-left: 1.5rem; }
.sheet { display: flex; align-items: flex-start; gap: 1rem; padding: .75rem 0; border-top: 1px solid var(--line); }
.sheet ol { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; margin: 0; list-style: none; }
.sheet img, .blank { display: block; width: 84px; height: 84px; object-fit: contain; background: var(--raised); border: 3px solid var(--line); border-radius: 4px; }
.sheet .query { flex: none; padding-right: 1rem; border-right: 1px solid var(--line); }
.sheet figcaption { width: 84px; font-size: .78rem; line-height: 1.3; margin-top: .2rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sheet .query figcaption { white-space: normal; overflow-wrap: anywhere; }
.sheet .query figcaption span { display: block; color: var(--muted); }
.relevant img, .relevant .blank { border-color: var(--relevant); }
.other img, .other .blank { border-color: var(--other); border-style: dashed; }
.relevant figcaption span:first-child { color: var(--relevant); }
.other figcaption span:first-child { color: var(--other); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.meanings > div { margin-bottom: .75rem; }
.meanings dt { font-weight: 600; }
.meanings dd { margin: 0; }
footer { padding-block: 1rem 3rem; color: var(--muted); font-size: .85rem; }
@media (max-width: 40rem) { .sheet { flex-direction: column; } .sheet .query { border: 0; } .method > :not(summary) { margin-left: 0; } }
@media print { details > :not(summary) { display: revert; } nav { display: none; } }
`);
