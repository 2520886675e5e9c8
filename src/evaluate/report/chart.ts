import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts.js';
import { GridComponent, MarkLineComponent } from 'echarts/components.js';
import { init, use, type EChartsCoreOption } from 'echarts/core.js';
import { SVGRenderer } from 'echarts/renderers.js';
import { Html } from './html.js';

use([BarChart, CustomChart, LineChart, ScatterChart, GridComponent, MarkLineComponent, SVGRenderer]);

/** Colours are variables of the page's style sheet, so one drawing serves light and dark. */
export const ink = 'var(--ink)';
export const mutedInk = 'var(--muted)';
export const gridLine = 'var(--line)';
const seriesColours = 8;
const dashes = ['solid', 'dashed', 'dotted'] as const;
const symbols = ['circle', 'rect', 'triangle', 'diamond'] as const;

export interface SeriesStyle {
  readonly colour: string;
  readonly dash: (typeof dashes)[number];
  readonly symbol: (typeof symbols)[number];
}

/** Told apart without colour too: the first 8 by their symbols within neighbours, the next by their dashes. */
export function seriesStyle(index: number): SeriesStyle {
  return {
    colour: `var(--series-${index % seriesColours})`,
    dash: dashes[Math.floor(index / seriesColours) % dashes.length]!,
    symbol: symbols[index % symbols.length]!,
  };
}

export const axisText = { color: mutedInk, fontSize: 12, fontFamily: 'inherit' } as const;

/** A drawing that scales with its box. Series must have `silent: true`: nothing here reacts to a pointer. */
export function drawChart(option: EChartsCoreOption, size: { readonly width: number; readonly height: number }): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    chart.setOption({ animation: false, ...option });
    const svg = chart.renderToSVGString({ useViewBox: true });
    return new Html(
      svg
        .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
        .replace(/ (?:class|pointer-events|ecmeta_[a-z_]+)="[^"]*"/g, '')
        .replace(/font-family:inherit;/g, '')
        .replace(
          '<svg ',
          `<svg style="max-width:${size.width}px;min-width:min(${size.width}px,44rem)" aria-hidden="true" focusable="false" `,
        ),
    );
  } finally {
    chart.dispose();
  }
}
