import type { Random } from './random.js';
import {
  backdrop,
  circle,
  ellipse,
  fixed,
  hsl,
  path,
  polygon,
  rect,
  repeat,
  sampleHeight,
  sampleWidth,
  verticalGradient,
  type Family,
} from './svg.js';

export const landscapes: readonly Family[] = [
  { name: 'sunset', draw: sunset },
  { name: 'forest', draw: forest },
  { name: 'mountain', draw: mountain },
  { name: 'skyline', draw: skyline },
  { name: 'desert', draw: desert },
];

function sunset(random: Random): string {
  const hue = random.between(-12, 32);
  const horizon = random.between(130, 170);
  const sunX = random.between(70, 250);
  const radius = random.between(24, 40);
  const sunY = horizon - random.between(0, 30);
  const sky = verticalGradient('sky', [hsl(hue + 275, 45, 34), hsl(hue + 350, 68, 54), hsl(hue + 30, 95, 66)]);
  const sea = verticalGradient('sea', [hsl(hue + 18, 72, 54), hsl(hue + 300, 38, 24)]);
  const clouds = repeat(random.integer(2, 5), () =>
    ellipse(
      random.between(0, 320),
      random.between(20, 95),
      random.between(30, 80),
      random.between(3, 9),
      `fill="${hsl(hue + 345, 60, 74)}" opacity="0.55"`,
    ),
  );
  const glitter = repeat(22, (line) => {
    const y = horizon + 4 + line * 4.6;
    const halfWidth = random.between(4, 16) + line * 1.2;
    return rect(
      sunX - halfWidth + random.between(-9, 9),
      y,
      halfWidth * 2,
      2,
      `fill="${hsl(hue + 45, 100, 78)}" opacity="0.7"`,
    );
  });
  return [
    `<defs>${sky}${sea}</defs>`,
    backdrop('url(#sky)'),
    clouds,
    circle(sunX, sunY, radius * 1.7, `fill="${hsl(hue + 45, 100, 75)}" opacity="0.3"`),
    circle(sunX, sunY, radius, `fill="${hsl(hue + 50, 100, 80)}"`),
    rect(0, horizon, sampleWidth, sampleHeight - horizon, 'fill="url(#sea)"'),
    glitter,
  ].join('');
}

function forest(random: Random): string {
  const hue = random.between(95, 150);
  const sky = verticalGradient('sky', [hsl(random.between(185, 215), 45, 74), hsl(hue, 30, 86)]);
  const rows = [0, 1, 2].map((row) => {
    const base = 150 + row * 42;
    const lightness = 42 - row * 11;
    return repeat(14, (index) => {
      const height = random.between(78, 120) + row * 20;
      const width = height * random.between(0.34, 0.46);
      return fir(
        index * 24 + random.between(-10, 14),
        base + random.between(-6, 8),
        width,
        height,
        hsl(hue + random.between(-10, 10), 42, lightness + random.between(-4, 4)),
      );
    });
  });
  const ground = rect(0, 190, sampleWidth, 50, `fill="${hsl(hue - 15, 38, 22)}"`);
  return [`<defs>${sky}</defs>`, backdrop('url(#sky)'), rows[0], rows[1], ground, rows[2]].join('');
}

function fir(x: number, base: number, width: number, height: number, colour: string): string {
  const tiers = [0, 1, 2].map((tier) => {
    const top = base - height + tier * height * 0.24;
    const half = (width / 2) * (0.55 + tier * 0.22);
    return polygon(
      [
        [x, top],
        [x + half, top + height * 0.44],
        [x - half, top + height * 0.44],
      ],
      `fill="${colour}"`,
    );
  });
  return rect(x - width * 0.06, base - height * 0.16, width * 0.12, height * 0.16, 'fill="#4b3626"') + tiers.join('');
}

function mountain(random: Random): string {
  const hue = random.between(205, 235);
  const sky = verticalGradient('sky', [hsl(hue, 62, random.between(48, 60)), hsl(hue - 10, 60, 88)]);
  const peaks = repeat(random.integer(3, 4), (index) => {
    const x = index * 95 + random.between(-10, 40);
    const y = random.between(40, 90);
    const half = random.between(85, 125);
    const base = 205;
    const cap = random.between(0.28, 0.4);
    const capY = y + (base - y) * cap;
    const snow: readonly (readonly [number, number])[] = [
      [x, y],
      [x + half * cap, capY],
      [x + half * cap * 0.5, capY - 8],
      [x + half * cap * 0.15, capY + 9],
      [x - half * cap * 0.4, capY - 6],
      [x - half * cap, capY],
    ];
    return (
      polygon(
        [
          [x, y],
          [x + half, base],
          [x - half, base],
        ],
        `fill="${hsl(hue, 18, 44 + index * 3)}"`,
      ) +
      polygon(
        [
          [x, y],
          [x + half, base],
          [x + half * 0.15, base],
        ],
        `fill="${hsl(hue, 22, 30 + index * 3)}"`,
      ) +
      polygon(snow, 'fill="#f8fbff"')
    );
  });
  const meadow = path(
    `M0,200 Q80,${fixed(random.between(178, 196))} 170,200 T320,195 V240 H0 Z`,
    `fill="${hsl(random.between(85, 125), 40, 40)}"`,
  );
  return [`<defs>${sky}</defs>`, backdrop('url(#sky)'), peaks, meadow].join('');
}

function skyline(random: Random): string {
  const hue = random.between(220, 265);
  const sky = verticalGradient('sky', [hsl(hue, 60, 7), hsl(hue + 20, 45, 24)]);
  const stars = repeat(45, () =>
    circle(random.between(0, 320), random.between(0, 130), random.between(0.5, 1.3), 'fill="#fff" opacity="0.8"'),
  );
  const moonX = random.between(40, 280);
  const moonY = random.between(28, 60);
  const moon = circle(moonX, moonY, 15, 'fill="#f6f1d5"');
  let buildings = '';
  for (let x = -8; x < sampleWidth;) {
    const width = random.between(26, 46);
    const top = random.between(62, 165);
    buildings += rect(x, top, width - 2, sampleHeight - top, `fill="${hsl(hue, 25, random.between(9, 17))}"`);
    for (let wy = top + 8; wy < 232; wy += 12) {
      for (let wx = x + 5; wx < x + width - 8; wx += 9) {
        if (random.chance(0.62))
          buildings += rect(wx, wy, 5, 7, `fill="${hsl(random.between(38, 54), 95, random.between(58, 76))}"`);
      }
    }
    x += width;
  }
  return [`<defs>${sky}</defs>`, backdrop('url(#sky)'), stars, moon, buildings].join('');
}

function desert(random: Random): string {
  const hue = random.between(28, 42);
  const sky = verticalGradient('sky', [hsl(random.between(188, 205), 70, 66), hsl(hue + 12, 80, 86)]);
  const dunes = [150, 178].map((y, index) =>
    path(
      `M0,${fixed(y + random.between(-8, 12))} Q${fixed(random.between(50, 120))},${fixed(y - 24)} 170,${fixed(y + 4)} T320,${fixed(y + random.between(-14, 8))} V240 H0 Z`,
      `fill="${hsl(hue, 66, 68 - index * 9)}"`,
    ),
  );
  const count = random.integer(1, 3);
  const cacti = repeat(count, (index) =>
    cactus(
      random,
      60 + (index * 230) / count + random.between(-15, 50),
      random.between(198, 228),
      random.between(90, 135),
    ),
  );
  const sun = circle(random.between(30, 290), random.between(24, 55), 17, 'fill="#fff3b0"');
  return [`<defs>${sky}</defs>`, backdrop('url(#sky)'), sun, dunes.join(''), cacti].join('');
}

function cactus(random: Random, x: number, base: number, height: number): string {
  const colour = hsl(random.between(115, 145), 42, random.between(28, 38));
  const width = height * 0.2;
  const arm = (side: number, at: number) => {
    const y = base - height * at;
    const out = x + side * width * 1.55;
    return path(
      `M${fixed(x)},${fixed(y)} H${fixed(out)} V${fixed(y - height * 0.26)}`,
      `fill="none" stroke="${colour}" stroke-width="${fixed(width * 0.62)}" stroke-linecap="round" stroke-linejoin="round"`,
    );
  };
  return (
    `<rect x="${fixed(x - width / 2)}" y="${fixed(base - height)}" width="${fixed(width)}" height="${fixed(height)}" rx="${fixed(width / 2)}" fill="${colour}"/>` +
    arm(1, random.between(0.3, 0.45)) +
    arm(-1, random.between(0.45, 0.6))
  );
}
