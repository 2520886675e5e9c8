import {
  accent,
  mat,
  mutedColour,
  SheetCanvas,
  textColour,
  type CellSize,
  type Colour,
  type SheetPicture,
} from './sheet-cell.js';

export interface ComparisonSheet {
  /** Over the columns of either side: `A: vit`. */
  readonly headings: { readonly a: string; readonly b: string };
  /** Results of either side that were compared; fewer may be shown. */
  readonly k: number;
  readonly rows: readonly ComparisonRow[];
}

export interface ComparisonRow {
  /** `note` says how much the two have in common. */
  readonly query: ComparedPicture & { readonly note: string };
  /** Nearest first. */
  readonly a: readonly FoundPicture[];
  readonly b: readonly FoundPicture[];
}

export interface ComparedPicture extends SheetPicture {
  readonly label: string | undefined;
}

export interface FoundPicture extends ComparedPicture {
  readonly similarity: number;
  /** Whether the other side found it, too. */
  readonly shared: boolean;
}

/** Layout, in pixels. */
const cell: CellSize = { width: 148, pictureHeight: 120, framePixels: 4, captionHeight: 50 };
const gap = 10;
/** Between the query and the two sides. */
const sideGap = 34;
const rowGap = 14;
const margin = 20;
const headingHeight = 30;

/** What a glance looks for: images of the query's label. */
const relevant: Colour = { r: 21, g: 128, b: 61 };

/**
 * A PNG with a row for each query: the query, what side a found and what side b found. The label stands under each picture, or
 * the filename where there is none. Nothing is said by colour alone.
 */
export async function drawComparisonSheet({ headings, k, rows }: ComparisonSheet): Promise<Buffer> {
  const widest = (side: 'a' | 'b'): number => Math.max(1, ...rows.map((row) => row[side].length));
  const sideWidth = (side: 'a' | 'b'): number => widest(side) * (cell.width + gap) - gap;
  const leftOf = { a: margin + cell.width + sideGap, b: margin + cell.width + 2 * sideGap + sideWidth('a') };
  const width = leftOf.b + sideWidth('b') + margin;
  const firstRowTop = margin + headingHeight;
  const rowHeight = cell.pictureHeight + cell.captionHeight + rowGap;
  const legendTop = firstRowTop + rows.length * rowHeight;
  const canvas = new SheetCanvas({ width, height: legendTop + headingHeight + margin });

  const heading = (text: string) => ({ text, colour: textColour, weight: 'bold' }) as const;
  await canvas.drawText(heading('Query'), cell.width, { left: margin, top: margin });
  for (const side of ['a', 'b'] as const) {
    await canvas.drawText(heading(headings[side]), sideWidth(side), { left: leftOf[side], top: margin });
  }
  for (const [index, { query, a, b }] of rows.entries()) {
    const top = firstRowTop + index * rowHeight;
    await canvas.drawCell(queryCell(query), cell, { left: margin, top });
    for (const [side, found] of [['a', a] as const, ['b', b] as const]) {
      for (const [rank, picture] of found.entries()) {
        const left = leftOf[side] + rank * (cell.width + gap);
        await canvas.drawCell(foundCell(picture, query.label), cell, { left, top });
      }
    }
  }
  const legend = `blue frame, “both”: among the first ${k} of both   ·   ✓: the label of the query   ·   figures: cosine similarity`;
  const small = { text: legend, colour: mutedColour, weight: 'normal' } as const;
  await canvas.drawText(small, width - 2 * margin, { left: margin, top: legendTop });
  return canvas.toPng();
}

function queryCell(query: ComparisonRow['query']) {
  return {
    picture: query,
    frame: mutedColour,
    lines: [
      { text: query.label ?? query.filename, colour: textColour, weight: 'bold' },
      { text: query.note, colour: mutedColour, weight: 'normal' },
    ],
  } as const;
}

function foundCell(found: FoundPicture, queryLabel: string | undefined) {
  const isRelevant = queryLabel !== undefined && found.label === queryLabel;
  const name = found.label ?? found.filename;
  return {
    picture: found,
    frame: found.shared ? accent : mat,
    lines: [
      { text: isRelevant ? `✓ ${name}` : name, colour: isRelevant ? relevant : textColour, weight: 'bold' },
      {
        text: found.shared ? `${found.similarity.toFixed(3)} · both` : found.similarity.toFixed(3),
        colour: found.shared ? accent : mutedColour,
        weight: 'normal',
      },
    ],
  } as const;
}
