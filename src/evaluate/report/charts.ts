import type { CustomSeriesRenderItem } from 'echarts';
import { recallLevels } from '../../math/measures/iprec-at-recall.js';
import { axisText, drawChart, gridLine, ink, mutedInk, seriesStyle } from './chart.js';
import type { Html } from './html.js';
import { decimalsFor } from './numbers.js';

const chartWidth = 860;
const rowHeight = 26;

export interface MeanRow {
  readonly name: string;
  readonly mean: number;
  /** Absent where a published figure has none. */
  readonly interval?: { readonly low: number; readonly high: number };
}

/** Bars of one measure, the first row on top, with their intervals as whiskers. */
export function meansChart(rows: readonly MeanRow[]): Html {
  const names = rows.map(({ name }) => shortened(name));
  const decimals = decimalsFor(rows.map(({ mean }) => mean));
  const whisker: CustomSeriesRenderItem = (_params, api) => {
    const row = api.value(0) as number;
    const [left, middle] = api.coord([api.value(1), row]) as [number, number];
    const [right] = api.coord([api.value(2), row]) as [number];
    const line = (x1: number, y1: number, x2: number, y2: number) => ({
      type: 'line' as const,
      shape: { x1, y1, x2, y2 },
      style: { stroke: ink, lineWidth: 1.5, fill: 'none' },
    });
    const cap = 4;
    return {
      type: 'group',
      children: [
        line(left, middle, right, middle),
        line(left, middle - cap, left, middle + cap),
        line(right, middle - cap, right, middle + cap),
      ],
    };
  };
  return drawChart(
    {
      grid: { left: nameWidth(names), right: 64, top: 8, bottom: 28, outerBoundsMode: 'none' },
      xAxis: valueAxis(),
      yAxis: nameAxis(names),
      series: [
        {
          type: 'bar',
          silent: true,
          barWidth: '55%',
          emphasis: { disabled: true },
          data: rows.map(({ mean, interval }) => ({
            value: mean,
            itemStyle: {
              color: interval === undefined ? 'var(--reference)' : 'var(--series-0)',
              borderRadius: [0, 3, 3, 0],
            },
          })),
        },
        {
          // The figures stand to the right of the whiskers, which reach beyond the bars.
          type: 'scatter',
          silent: true,
          symbolSize: 0.01,
          itemStyle: { color: 'none' },
          data: rows.map(({ mean, interval }, at) => [interval?.high ?? mean, at]),
          label: {
            show: true,
            position: 'right',
            distance: 8,
            formatter: ({ dataIndex }: { readonly dataIndex: number }) => rows[dataIndex]!.mean.toFixed(decimals),
            color: ink,
            fontSize: 12,
          },
        },
        {
          type: 'custom',
          silent: true,
          renderItem: whisker,
          encode: { x: [1, 2], y: 0 },
          data: rows.flatMap(({ interval }, at) => (interval === undefined ? [] : [[at, interval.low, interval.high]])),
        },
      ],
    },
    { width: chartWidth, height: rows.length * rowHeight + 48 },
  );
}

/** Interpolated precision at the eleven recalls, a line per method. */
export function precisionRecallChart(curves: readonly (readonly number[])[]): Html {
  const highest = Math.max(0.2, ...curves.flat());
  const axis = (name: string, max: number): object => ({
    ...valueAxis(),
    name,
    nameLocation: 'middle',
    nameGap: 32,
    nameTextStyle: { color: ink, fontSize: 13 },
    max,
    interval: 0.2,
    axisLine: { show: true, lineStyle: { color: gridLine } },
  });
  return drawChart(
    {
      grid: { left: 56, right: 16, top: 16, bottom: 52, outerBoundsMode: 'none' },
      xAxis: axis('Recall', 1),
      yAxis: axis('Interpolated precision', Math.ceil(highest * 5 - 1e-9) / 5),
      series: curves.map((curve, at) => {
        const { colour, dash, symbol } = seriesStyle(at);
        return {
          type: 'line',
          silent: true,
          symbol,
          symbolSize: 7,
          lineStyle: { color: colour, width: 2, type: dash },
          itemStyle: { color: colour, borderColor: colour },
          emphasis: { disabled: true },
          data: curve.map((precision, level) => [recallLevels[level]!, precision]),
        };
      }),
    },
    { width: chartWidth, height: 460 },
  );
}

export interface ClassRow {
  readonly name: string;
  readonly mean: number;
}

/** A bar per class; a line marks the mean over all queries. */
export function classChart(rows: readonly ClassRow[], overall: number): Html {
  const names = rows.map(({ name }) => shortened(name));
  const decimals = decimalsFor(rows.map(({ mean }) => mean));
  const dense = rows.length > 20;
  return drawChart(
    {
      grid: { left: nameWidth(names), right: 56, top: 22, bottom: 28, outerBoundsMode: 'none' },
      xAxis: valueAxis(),
      yAxis: nameAxis(names),
      series: [
        {
          type: 'bar',
          silent: true,
          barWidth: '65%',
          emphasis: { disabled: true },
          itemStyle: { color: 'var(--series-0)', borderRadius: [0, 2, 2, 0] },
          label: {
            show: true,
            position: 'right',
            color: ink,
            fontSize: 11,
            backgroundColor: 'var(--ground)',
            padding: [1, 3],
            formatter: ({ dataIndex }: { readonly dataIndex: number }) => rows[dataIndex]!.mean.toFixed(decimals),
          },
          data: rows.map(({ mean }) => mean),
          markLine: {
            silent: true,
            z: 1,
            symbol: 'none',
            lineStyle: { color: ink, type: 'dashed', width: 1 },
            label: { formatter: 'mean', position: 'start', color: mutedInk, fontSize: 11 },
            data: [{ xAxis: overall }],
          },
        },
      ],
    },
    { width: chartWidth, height: rows.length * (dense ? 18 : rowHeight) + 60 },
  );
}

export interface ConfusionCells {
  readonly classes: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/**
 * Rows are classes of queries, columns those of their first neighbours; shade is the share of the row, fainter where a
 * figure must stay readable on it.
 */
export function confusionChart({ classes, counts }: ConfusionCells): Html {
  const withFigures = classes.length <= 20;
  const cell = withFigures ? 40 : 15;
  const cells = counts.flatMap((row, from) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, to) => (count === 0 ? [] : [[to, from, count, count / total]]));
  });
  const square: CustomSeriesRenderItem = (_params, api) => {
    const [x, y] = api.coord([api.value(0), api.value(1)]) as [number, number];
    const [width, height] = (api.size?.([1, 1]) ?? [cell, cell]) as [number, number];
    const share = api.value(3) as number;
    const shape = { x: x - width / 2 + 0.5, y: y - height / 2 + 0.5, width: width - 1, height: height - 1 };
    const rect = {
      type: 'rect' as const,
      shape,
      style: { fill: 'var(--heat)', opacity: withFigures ? 0.06 + 0.54 * share : 0.08 + 0.92 * share },
    };
    if (!withFigures) return rect;
    const style = {
      text: String(api.value(2)),
      x,
      y,
      fill: ink,
      fontSize: 11,
      align: 'center',
      verticalAlign: 'middle',
    } as const;
    return { type: 'group', children: [rect, { type: 'text' as const, style }] };
  };
  const axis = (rotate: number): object => ({
    type: 'category',
    data: names,
    axisLine: { lineStyle: { color: gridLine } },
    axisTick: { show: false },
    axisLabel: {
      ...axisText,
      color: ink,
      fontSize: withFigures ? 12 : 10,
      interval: 0,
      rotate,
    },
  });
  const names = classes.map((name) => shortened(name, 18));
  const label = nameWidth(names);
  return drawChart(
    {
      grid: { left: label, right: 8, top: label, bottom: 8, outerBoundsMode: 'none' },
      xAxis: { ...axis(90), position: 'top' },
      yAxis: { ...axis(0), inverse: true },
      series: [{ type: 'custom', silent: true, renderItem: square, encode: { x: 0, y: 1 }, data: cells }],
    },
    { width: label + classes.length * cell + 8, height: label + classes.length * cell + 8 },
  );
}

/** A library without a canvas can but guess how wide a text is; this guess is for the widest of the page's fonts. */
const characterPixels = 7.6;
const nameCharacters = 42;

function nameWidth(names: readonly string[]): number {
  return 14 + characterPixels * Math.max(0, ...names.map((name) => Array.from(name).length));
}

function shortened(name: string, most = nameCharacters): string {
  const characters = Array.from(name);
  return characters.length <= most ? name : `${characters.slice(0, most - 1).join('')}…`;
}

function valueAxis(): object {
  return {
    type: 'value',
    min: 0,
    axisLabel: axisText,
    splitLine: { lineStyle: { color: gridLine } },
  };
}

function nameAxis(names: readonly string[]): object {
  return {
    type: 'category',
    data: names,
    inverse: true,
    axisLine: { lineStyle: { color: gridLine } },
    axisTick: { show: false },
    axisLabel: { ...axisText, color: ink, interval: 0 },
  };
}
