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
  repeat,
  verticalGradient,
  type Family,
} from './svg.js';

export const nature: readonly Family[] = [
  { name: 'flower', draw: flower },
  { name: 'leaf', draw: leaf },
  { name: 'fish', draw: fish },
  { name: 'butterfly', draw: butterfly },
];

function flower(random: Random): string {
  const hue = random.between(285, 370);
  const petals = random.integer(7, 11);
  const petal = hsl(hue, random.between(65, 90), random.between(58, 72));
  const backgroundHue = random.between(85, 130);
  const blooms = ellipse(
    0,
    -46,
    15 + 40 / petals,
    36,
    `fill="${petal}" stroke="${hsl(hue, 65, 42)}" stroke-width="1.5"`,
  );
  const head =
    repeat(petals, (index) => `<g transform="rotate(${fixed((index * 360) / petals)})">${blooms}</g>`) +
    circle(0, 0, 24, `fill="${hsl(random.between(40, 52), 95, 55)}"`) +
    repeat(16, (index) => circle(Math.cos(index * 2.4) * index, Math.sin(index * 2.4) * index, 1.8, 'fill="#8a5a00"'));
  const grass = repeat(26, () => {
    const x = random.between(0, 320);
    return path(
      `M${fixed(x)},240 Q${fixed(x + random.between(-14, 14))},200 ${fixed(x + random.between(-26, 26))},${fixed(random.between(150, 200))}`,
      `fill="none" stroke="${hsl(backgroundHue, 45, random.between(24, 38))}" stroke-width="4"`,
    );
  });
  return (
    backdrop(hsl(backgroundHue, 42, random.between(42, 56))) +
    grass +
    placed(head, {
      x: random.between(125, 195),
      y: random.between(100, 130),
      scale: random.between(0.95, 1.25),
      degrees: random.between(0, 60),
    })
  );
}

function leaf(random: Random): string {
  const hue = random.between(18, 130);
  const blade = path(
    'M0,-92 C52,-52 58,28 0,92 C-58,28 -52,-52 0,-92 Z',
    `fill="${hsl(hue, 62, random.between(36, 48))}"`,
  );
  const half = path('M0,-92 C52,-52 58,28 0,92 Z', `fill="${hsl(hue, 62, 30)}" opacity="0.45"`);
  const veins = repeat(6, (index) => {
    const y = -52 + index * 24;
    return path(
      `M0,${y + 14} L34,${y - 8} M0,${y + 14} L-34,${y - 8}`,
      `stroke="${hsl(hue, 50, 70)}" stroke-width="2.5" fill="none"`,
    );
  });
  const stem = path('M0,-88 V124', `stroke="${hsl(hue, 48, 66)}" stroke-width="4" fill="none"`);
  return (
    backdrop(hsl(random.between(30, 60), 30, random.between(88, 96))) +
    placed(blade + half + veins + stem, {
      x: random.between(140, 180),
      y: random.between(105, 130),
      scale: random.between(0.92, 1.18),
      degrees: random.between(-50, 50),
    })
  );
}

function fish(random: Random): string {
  const water = random.between(176, 196);
  const sea = verticalGradient('sea', [hsl(water, 72, 62), hsl(water + 12, 78, 28)]);
  const hue = random.pick([14, 28, 44, 4, 52]);
  const body = hsl(hue + random.between(-6, 6), 88, 56);
  const fins = hsl(hue - 10, 82, 44);
  const shape =
    polygon(
      [
        [52, 0],
        [98, -36],
        [86, 0],
        [98, 36],
      ],
      `fill="${fins}"`,
    ) +
    polygon(
      [
        [-10, -34],
        [18, -62],
        [34, -26],
      ],
      `fill="${fins}"`,
    ) +
    ellipse(0, 0, 68, 38, `fill="${body}"`) +
    repeat(random.integer(2, 3), (index) =>
      path(`M${-12 + index * 24},-36 q10,36 0,72`, 'stroke="#fff" stroke-width="7" fill="none" opacity="0.8"'),
    ) +
    circle(-42, -9, 9, 'fill="#fff"') +
    circle(-44, -9, 4.5, 'fill="#111"');
  const bubbles = repeat(random.integer(6, 12), () =>
    circle(random.between(5, 315), random.between(8, 230), random.between(3, 9), 'fill="#fff" opacity="0.35"'),
  );
  return (
    `<defs>${sea}</defs>` +
    backdrop('url(#sea)') +
    bubbles +
    placed(shape, {
      x: random.between(140, 180),
      y: random.between(100, 142),
      scale: random.between(0.95, 1.2),
      degrees: random.between(-14, 14),
      mirrored: random.chance(0.5),
    })
  );
}

function butterfly(random: Random): string {
  const hue = random.between(0, 360);
  const upper = hsl(hue, 82, random.between(50, 60));
  const lower = hsl(hue + random.between(-30, 30), 78, random.between(42, 52));
  const edge = 'stroke="#1c1414" stroke-width="6"';
  const wing =
    path('M4,-8 C30,-86 112,-88 96,-26 C88,4 36,10 4,-2 Z', `fill="${upper}" ${edge}`) +
    path('M4,2 C46,6 88,34 66,66 C46,88 14,54 4,14 Z', `fill="${lower}" ${edge}`) +
    circle(70, -46, 9, 'fill="#fff" opacity="0.9"') +
    circle(84, -26, 5, 'fill="#fff" opacity="0.9"') +
    circle(48, 44, 7, 'fill="#fff" opacity="0.85"');
  const whole =
    wing +
    `<g transform="scale(-1 1)">${wing}</g>` +
    ellipse(0, 6, 6, 46, 'fill="#1c1414"') +
    path('M-2,-36 Q-10,-66 -26,-74 M2,-36 Q10,-66 26,-74', 'fill="none" stroke="#1c1414" stroke-width="3"');
  return (
    backdrop(hsl(random.between(60, 110), 35, random.between(78, 88))) +
    placed(whole, {
      x: random.between(142, 178),
      y: random.between(112, 135),
      scale: random.between(0.95, 1.15),
      degrees: random.between(-22, 22),
    })
  );
}
