/** Writes the gradient at `x` into `gradient` and returns the value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface MinimiseOptions {
  readonly objective: Objective;
  readonly start: Float64Array;
  /** Stops where no part of the gradient is larger. Default 1e-4. */
  readonly tolerance?: number;
  /** Default 200. */
  readonly maxIterations?: number;
  /** Called after each iteration, with its number from 1 on and the value reached. */
  readonly onIteration?: (iteration: number, value: number) => void;
}

export interface Minimum {
  readonly x: Float64Array;
  readonly value: number;
  readonly iterations: number;
  /** Whether the tolerance was met. */
  readonly converged: boolean;
}

const memory = 10;
/** Armijo's condition: the share of the decrease that the slope promises. */
const sufficientDecrease = 1e-4;
const maxHalvings = 40;

interface Correction {
  readonly step: Float64Array;
  readonly change: Float64Array;
  /** 1 / (step · change) */
  readonly scale: number;
}

/**
 * Minimises a smooth convex function by limited-memory BFGS with backtracking (Nocedal and Wright, Numerical
 * Optimization, algorithm 7.4).
 */
export function minimise(options: MinimiseOptions): Minimum {
  const { objective, start, tolerance = 1e-4, maxIterations = 200 } = options;
  let x = start.slice();
  let gradient = new Float64Array(x.length);
  let value = objective(x, gradient);
  const corrections: Correction[] = [];
  let iterations = 0;
  while (largestMagnitude(gradient) > tolerance && iterations < maxIterations) {
    const direction = descentDirection(gradient, corrections);
    const slope = product(direction, gradient);
    const next = new Float64Array(x.length);
    const nextGradient = new Float64Array(x.length);
    let nextValue = Infinity;
    // The first direction is the plain gradient, of any length.
    let stride = corrections.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let halvings = 0;
    for (; halvings <= maxHalvings; halvings++, stride /= 2) {
      for (let i = 0; i < x.length; i++) next[i] = x[i]! + stride * direction[i]!;
      nextValue = objective(next, nextGradient);
      if (nextValue <= value + sufficientDecrease * stride * slope) break;
    }
    // Rounding leaves no lower value within reach.
    if (halvings > maxHalvings) break;
    remember(corrections, x, next, gradient, nextGradient);
    [x, gradient, value] = [next, nextGradient, nextValue];
    iterations++;
    options.onIteration?.(iterations, value);
  }
  return { x, value, iterations, converged: largestMagnitude(gradient) <= tolerance };
}

function remember(
  corrections: Correction[],
  x: Float64Array,
  next: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const step = next.map((value, i) => value - x[i]!);
  const change = nextGradient.map((value, i) => value - gradient[i]!);
  const curvature = product(step, change);
  // Without curvature along the step, the next direction might climb.
  if (curvature <= 1e-12 * product(change, change)) return;
  corrections.push({ step, change, scale: 1 / curvature });
  if (corrections.length > memory) corrections.shift();
}

/** Two-loop recursion. */
function descentDirection(gradient: Float64Array, corrections: readonly Correction[]): Float64Array {
  const direction = gradient.map((value) => -value);
  const weights = new Float64Array(corrections.length);
  for (let i = corrections.length - 1; i >= 0; i--) {
    const { step, change, scale } = corrections[i]!;
    weights[i] = scale * product(step, direction);
    addScaled(direction, change, -weights[i]!);
  }
  const latest = corrections.at(-1);
  if (latest !== undefined) {
    const size = 1 / (latest.scale * product(latest.change, latest.change));
    for (let i = 0; i < direction.length; i++) direction[i]! *= size;
  }
  corrections.forEach(({ step, change, scale }, i) => {
    addScaled(direction, step, weights[i]! - scale * product(change, direction));
  });
  return direction;
}

function addScaled(target: Float64Array, added: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * added[i]!;
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function largestMagnitude(values: Float64Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}
