import type { Random } from './random.js';
import { backdrop, circle, fixed, hsl, rect, repeat, type Family } from './svg.js';

export const patterns: readonly Family[] = [
  { name: 'checkerboard', draw: checkerboard },
  { name: 'stripes', draw: stripes },
  { name: 'rings', draw: rings },
  { name: 'dots', draw: dots },
];

function checkerboard(random: Random): string {
  const hue = random.between(0, 360);
  const size = random.between(30, 44);
  const dark = hsl(hue, random.between(20, 70), random.between(14, 32));
  const squares = repeat(17 * 17, (index) => {
    const column = (index % 17) - 8;
    const row = Math.floor(index / 17) - 8;
    return (column + row) % 2 === 0 ? rect(column * size, row * size, size, size, `fill="${dark}"`) : '';
  });
  const turn = random.between(-8, 8);
  return (
    backdrop(hsl(hue + 40, 30, random.between(86, 95))) +
    `<g transform="translate(160 120) rotate(${fixed(turn)})">${squares}</g>`
  );
}

function stripes(random: Random): string {
  const hue = random.between(0, 360);
  const width = random.between(14, 26);
  const dark = hsl(hue, 65, random.between(32, 46));
  const bars = repeat(40, (index) => rect(-300, -400 + index * width * 2, 600, width, `fill="${dark}"`));
  return (
    backdrop(hsl(hue + random.between(-30, 30), 55, random.between(82, 94))) +
    `<g transform="translate(160 120) rotate(${fixed(random.between(35, 55))})">${bars}</g>`
  );
}

function rings(random: Random): string {
  const hue = random.between(0, 360);
  const width = random.between(13, 20);
  const x = random.between(135, 185);
  const y = random.between(100, 140);
  const colours = [hsl(hue, 72, 46), hsl(hue + 20, 30, 94)] as const;
  return (
    backdrop(hsl(hue + 20, 30, 94)) +
    repeat(14, (index) => circle(x, y, (14 - index) * width, `fill="${index % 2 === 0 ? colours[0] : colours[1]}"`))
  );
}

function dots(random: Random): string {
  const hue = random.between(0, 360);
  const step = random.between(50, 64);
  const radius = step * random.between(0.24, 0.3);
  const light = hsl(hue, 45, random.between(88, 95));
  const shift = random.between(0, step);
  const points = repeat(12 * 12, (index) => {
    const row = Math.floor(index / 12);
    const x = ((index % 12) - 1) * step + (row % 2 === 0 ? 0 : step / 2) + shift;
    return circle(x, (row - 1) * step * 0.86 + shift / 2, radius, `fill="${light}"`);
  });
  return backdrop(hsl(hue, 62, random.between(34, 50))) + points;
}
