import type { ToRgb } from './to-rgb.js';

export interface LabEncoding {
  /** As CIE L*a*b* of TIFF 6.0, section 23; otherwise as in ICC profiles, where a* and b* have an offset. */
  readonly isSigned: boolean;
  /** Of 16 bits instead of 8. */
  readonly isWide: boolean;
}

/** Rows: what D50 X, Y and Z add to linear red, green and blue, by the Bradford method (IEC 61966-2-1 and ICC.1, annex E). */
const red = [3.1338561, -1.6168667, -0.4906146] as const;
const green = [-0.9787684, 1.9161415, 0.033454] as const;
const blue = [0.0719453, -0.2289914, 1.4052427] as const;
const white = { x: 0.9642, y: 1, z: 0.8249 } as const;
/** Steps of linear light between which the curve of sRGB is tabled: fine enough that no byte is off by more than one. */
const steps = 4096;

/** L*a*b* under D50, as TIFFs and ICC profiles have it, to sRGB. */
export function makeLabConverter({ isSigned, isWide }: LabEncoding): ToRgb {
  const fullLightness = isWide ? (isSigned ? 65_535 : 65_280) : 255;
  const unit = isWide ? 256 : 1;
  const half = 128 * unit;
  const toChroma = (sample: number): number =>
    (isSigned ? (sample < half ? sample : sample - 2 * half) : sample - half) / unit;
  const curve = Uint8Array.from({ length: steps + 1 }, (_, step) => Math.round(255 * encodeSrgb(step / steps)));
  const toByte = (light: number): number => curve[Math.round(Math.min(1, Math.max(0, light)) * steps)] ?? 0;
  return (samples, from, rgb, to) => {
    const fy = (((samples[from] ?? 0) / fullLightness) * 100 + 16) / 116;
    const x = white.x * decode(fy + toChroma(samples[from + 1] ?? 0) / 500);
    const y = white.y * decode(fy);
    const z = white.z * decode(fy - toChroma(samples[from + 2] ?? 0) / 200);
    rgb[to] = toByte(red[0] * x + red[1] * y + red[2] * z);
    rgb[to + 1] = toByte(green[0] * x + green[1] * y + green[2] * z);
    rgb[to + 2] = toByte(blue[0] * x + blue[1] * y + blue[2] * z);
  };
}

function decode(f: number): number {
  return f > 6 / 29 ? f * f * f : (3 * 36 * (f - 4 / 29)) / 841;
}

function encodeSrgb(light: number): number {
  return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
}
