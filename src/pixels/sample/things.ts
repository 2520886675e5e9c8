import type { Random } from './random.js';
import {
  backdrop,
  circle,
  ellipse,
  fixed,
  hsl,
  path,
  placed,
  polygon,
  rect,
  repeat,
  verticalGradient,
  type Family,
} from './svg.js';

export const things: readonly Family[] = [
  { name: 'house', draw: house },
  { name: 'car', draw: car },
  { name: 'face', draw: face },
  { name: 'balloon', draw: balloon },
];

function house(random: Random): string {
  const wall = hsl(random.between(20, 60), random.between(25, 55), random.between(72, 86));
  const roof = hsl(random.between(0, 22), 62, random.between(34, 46));
  const window = `fill="${hsl(205, 60, 78)}" stroke="#fff" stroke-width="4"`;
  const shape =
    rect(38, -96, 18, 44, 'fill="#7a4436"') +
    rect(-72, -36, 144, 106, `fill="${wall}"`) +
    polygon(
      [
        [-90, -34],
        [0, -104],
        [90, -34],
      ],
      `fill="${roof}"`,
    ) +
    rect(-15, 14, 30, 56, `fill="${hsl(random.between(15, 35), 50, 30)}"`) +
    rect(-58, -14, 30, 30, window) +
    rect(28, -14, 30, 30, window);
  const sky = hsl(random.between(195, 212), 70, random.between(74, 84));
  return (
    backdrop(sky) +
    ellipse(random.between(30, 290), random.between(22, 44), 38, 11, 'fill="#fff" opacity="0.9"') +
    rect(0, 178, 320, 62, `fill="${hsl(random.between(90, 125), 45, 46)}"`) +
    placed(shape, {
      x: random.between(130, 190),
      y: random.between(126, 140),
      scale: random.between(0.88, 1.12),
      mirrored: random.chance(0.5),
    })
  );
}

function car(random: Random): string {
  const hue = random.between(0, 360);
  const body = hsl(hue, 75, random.between(42, 54));
  const wheel = (x: number) => circle(x, 36, 23, 'fill="#1b1b1e"') + circle(x, 36, 10, 'fill="#c9ccd1"');
  const shape =
    path('M-58,-8 L-34,-50 H34 L66,-8 Z', `fill="${body}"`) +
    path('M-44,-10 L-28,-42 H-3 V-10 Z M5,-10 V-42 H30 L50,-10 Z', 'fill="#d8ecf7"') +
    `<rect x="-106" y="-12" width="212" height="46" rx="14" fill="${body}"/>` +
    rect(92, 0, 14, 10, 'fill="#ffe9a0"') +
    rect(-106, 0, 10, 10, 'fill="#d33"') +
    wheel(-60) +
    wheel(60);
  const markings = repeat(5, (index) => rect(index * 78 - 20, 205, 40, 6, 'fill="#f2f2f2"'));
  return (
    backdrop(hsl(random.between(190, 220), 30, random.between(82, 90))) +
    rect(0, 168, 320, 72, `fill="${hsl(220, 6, random.between(36, 46))}"`) +
    markings +
    placed(shape, {
      x: random.between(140, 180),
      y: random.between(126, 148),
      scale: random.between(0.95, 1.2),
      mirrored: random.chance(0.5),
    })
  );
}

function face(random: Random): string {
  const skin = hsl(random.between(42, 52), 95, random.between(56, 64));
  const mouth = random.pick([
    path('M-44,24 Q0,76 44,24', 'fill="none" stroke="#4a2c00" stroke-width="8" stroke-linecap="round"'),
    path('M-46,20 Q0,88 46,20 Z', 'fill="#6b1d1d"'),
    path('M-36,34 Q0,56 36,34', 'fill="none" stroke="#4a2c00" stroke-width="8" stroke-linecap="round"'),
  ]);
  const eye = (x: number) => ellipse(x, -22, 9, random.between(11, 16), 'fill="#4a2c00"');
  const cheeks = random.chance(0.5)
    ? circle(-56, 20, 13, 'fill="#ff8f70" opacity="0.6"') + circle(56, 20, 13, 'fill="#ff8f70" opacity="0.6"')
    : '';
  const shape =
    circle(0, 0, 88, `fill="${skin}" stroke="${hsl(36, 92, 44)}" stroke-width="5"`) +
    eye(-30) +
    eye(30) +
    mouth +
    cheeks;
  return (
    backdrop(hsl(random.between(0, 360), random.between(20, 45), random.between(84, 94))) +
    placed(shape, {
      x: random.between(140, 180),
      y: random.between(112, 128),
      scale: random.between(0.9, 1.15),
      degrees: random.between(-14, 14),
    })
  );
}

function balloon(random: Random): string {
  const hue = random.between(0, 360);
  const sky = verticalGradient('sky', [hsl(random.between(204, 216), 72, 66), hsl(204, 70, 90)]);
  const bright = hsl(hue, 82, 54);
  const other = hsl(hue + random.pick([60, 120, 180]), 75, random.between(62, 84));
  const envelope = 'M0,-92 C84,-92 84,6 18,62 H-18 C-84,6 -84,-92 0,-92 Z';
  const shape =
    path(envelope, `fill="${bright}"`) +
    path('M0,-92 C48,-92 44,6 11,62 H-11 C-44,6 -48,-92 0,-92 Z', `fill="${other}"`) +
    path('M0,-92 C16,-92 14,6 4,62 H-4 C-14,6 -16,-92 0,-92 Z', `fill="${bright}"`) +
    path('M-16,62 L-11,84 M16,62 L11,84', 'stroke="#4b3626" stroke-width="2.5"') +
    rect(-13, 82, 26, 19, 'fill="#7a4f2a"');
  const clouds = repeat(random.integer(2, 4), () => {
    const x = random.between(10, 310);
    const y = random.between(25, 215);
    return (
      ellipse(x, y, 36, 11, 'fill="#fff" opacity="0.8"') + ellipse(x + 12, y - 8, 20, 12, 'fill="#fff" opacity="0.8"')
    );
  });
  return (
    `<defs>${sky}</defs>` +
    backdrop('url(#sky)') +
    clouds +
    placed(shape, {
      x: random.between(120, 200),
      y: random.between(105, 128),
      scale: random.between(0.85, 1.08),
      degrees: Number(fixed(random.between(-5, 5))),
    })
  );
}
