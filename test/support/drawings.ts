import { createHash } from 'node:crypto';

/** A grey picture, row-major, one number from 0 to 255 a pixel. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly values: Int32Array;
}

/** As Lcg in training/golden/drawings.py: an integer from 0 to `bound` − 1. */
function generator(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 16) * bound) >>> 16;
  };
}

function paint(width: number, height: number, grey: (x: number, y: number) => number): Canvas {
  return {
    width,
    height,
    values: Int32Array.from({ length: width * height }, (_, i) => grey(i % width, Math.floor(i / width))),
  };
}

function noise(width: number, height: number, seed: number, cell = 1): Canvas {
  const below = generator(seed);
  const columns = Math.ceil(width / cell);
  const small = Array.from({ length: columns * Math.ceil(height / cell) }, () => below(256));
  return paint(width, height, (x, y) => small[Math.floor(y / cell) * columns + Math.floor(x / cell)] ?? 0);
}

function blur(canvas: Canvas, radius: number, times: number): Canvas {
  if (times === 0) return canvas;
  const { width, height, values } = canvas;
  const size = 2 * radius + 1;
  const blurred = paint(width, height, (x, y) => {
    let total = 0;
    for (let dy = -radius; dy <= radius; dy++) {
      const row = Math.min(height - 1, Math.max(0, y + dy)) * width;
      for (let dx = -radius; dx <= radius; dx++) total += values[row + Math.min(width - 1, Math.max(0, x + dx))] ?? 0;
    }
    return Math.floor(total / (size * size));
  });
  return blur(blurred, radius, times - 1);
}

function stretch(canvas: Canvas): Canvas {
  const low = canvas.values.reduce((least, value) => Math.min(least, value), 255);
  const high = canvas.values.reduce((most, value) => Math.max(most, value), 0);
  return {
    ...canvas,
    values: canvas.values.map((value) => Math.floor(((value - low) * 255) / Math.max(1, high - low))),
  };
}

function shapes(width: number, height: number, seed: number, count: number): Canvas {
  const below = generator(seed);
  const drawn = Array.from({ length: count }, () => {
    const [cx, cy] = [below(width), below(height)];
    const size = 4 + below(Math.max(2, Math.floor(Math.min(width, height) / 4)));
    return { cx, cy, size, grey: below(256) };
  });
  return paint(width, height, (x, y) => {
    const top = drawn.findLast(({ cx, cy, size }, index) => {
      if (index % 3 === 0) return (x - cx) ** 2 + (y - cy) ** 2 <= size * size;
      if (index % 3 === 1) return Math.abs(x - cx) <= size && 2 * Math.abs(y - cy) <= size;
      return y >= cy - size && y <= cy + size && 2 * Math.abs(x - cx) <= y - cy + size;
    });
    return top?.grey ?? Math.floor((x * 64) / width) + Math.floor((y * 64) / height) + 40;
  });
}

function rings(width: number, height: number, period: number): Canvas {
  return paint(width, height, (x, y) => {
    const squared = (x - Math.floor(width / 2)) ** 2 + (y - Math.floor(height / 2)) ** 2;
    return (Math.floor((squared * 16) / (period * period)) % 32) * 8;
  });
}

function checkers(width: number, height: number, cell: number): Canvas {
  return paint(width, height, (x, y) => ((Math.floor(x / cell) + Math.floor(y / cell)) % 2 === 0 ? 48 : 208));
}

function mix(a: Canvas, b: Canvas, weight: number): Canvas {
  return {
    ...a,
    values: a.values.map((value, i) => Math.floor((value * (16 - weight) + (b.values[i] ?? 0) * weight) / 16)),
  };
}

const drawings = {
  'blurred-noise': () => stretch(blur(noise(160, 120, 1), 2, 2)),
  'coarse-noise': () => stretch(blur(noise(200, 150, 2, 6), 2, 2)),
  octaves: () => stretch(mix(blur(noise(192, 144, 3, 16), 4, 3), blur(noise(192, 144, 4), 1, 2), 6)),
  shapes: () => blur(shapes(160, 160, 5, 24), 1, 1),
  'sharp-shapes': () => shapes(240, 180, 6, 40),
  'shapes-on-noise': () => mix(blur(shapes(180, 140, 7, 20), 1, 2), stretch(blur(noise(180, 140, 8), 1, 2)), 5),
  rings: () => mix(blur(rings(150, 130, 40), 1, 1), stretch(blur(noise(150, 130, 9, 3), 1, 1)), 4),
  checkers: () => mix(checkers(128, 128, 13), stretch(blur(noise(128, 128, 10, 4), 2, 2)), 8),
  small: () => stretch(blur(noise(32, 32, 11, 3), 1, 1)),
  wide: () => mix(blur(shapes(301, 97, 12, 30), 1, 1), stretch(blur(noise(301, 97, 13, 2), 1, 2)), 6),
} satisfies Record<string, () => Canvas>;

export type DrawingName = keyof typeof drawings;

/** The pictures of training/golden/drawings.py, byte for byte: integer arithmetic alone. */
export function draw(name: DrawingName): Drawing {
  const { width, height, values } = drawings[name]();
  return { width, height, pixels: Uint8Array.from(values) };
}

export function crop(drawing: Drawing, left: number, top: number, width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height }, (_, i) => {
    return drawing.pixels[(top + Math.floor(i / width)) * drawing.width + left + (i % width)] ?? 0;
  });
}

export function drawingSha256({ pixels }: Drawing): string {
  return createHash('sha256').update(pixels).digest('hex');
}
