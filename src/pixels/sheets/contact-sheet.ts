import { accent, mat, mutedColour, SheetCanvas, textColour, type CellSize, type SheetPicture } from './sheet-cell.js';

export interface ContactSheet {
  readonly query: SheetPicture;
  /** Nearest first; `caption` says by how much. */
  readonly neighbours: readonly (SheetPicture & { readonly caption: string })[];
}

/** Layout, in pixels. */
const cell: CellSize = { width: 208, pictureHeight: 168, framePixels: 3, captionHeight: 52 };
const gap = 14;
const margin = 20;
/** The query and its neighbours stand in one row up to here, then wrap. */
const maxColumns = 6;

/** A PNG of the query and its neighbours, caption and filename under each. */
export async function drawContactSheet({ query, neighbours }: ContactSheet): Promise<Buffer> {
  const cells = [
    { picture: query, heading: 'Query', colour: accent, frame: accent },
    ...neighbours.map((neighbour) => ({
      picture: neighbour,
      heading: neighbour.caption,
      colour: textColour,
      frame: mat,
    })),
  ];
  const cellHeight = cell.pictureHeight + cell.captionHeight;
  const columns = Math.min(maxColumns, cells.length);
  const rows = Math.ceil(cells.length / columns);
  const canvas = new SheetCanvas({
    width: 2 * margin + columns * cell.width + (columns - 1) * gap,
    height: 2 * margin + rows * cellHeight + (rows - 1) * gap,
  });
  for (const [index, { picture, heading, colour, frame }] of cells.entries()) {
    const left = margin + (index % columns) * (cell.width + gap);
    const top = margin + Math.floor(index / columns) * (cellHeight + gap);
    const lines = [
      { text: heading, colour, weight: 'bold' },
      { text: picture.filename, colour: mutedColour, weight: 'normal' },
    ] as const;
    await canvas.drawCell({ picture, frame, lines }, cell, { left, top });
  }
  return canvas.toPng();
}
