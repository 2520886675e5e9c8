import { describe, expect, it } from 'vitest';
import {
  mlpFromJson,
  MlpPredictor,
  mlpToJson,
  parameterCount,
  type Mlp,
  type MlpOutput,
} from '../../../../src/math/learning/mlp.js';
import {
  initialParameters,
  TrainedNetwork,
  trainMlp,
  type Examples,
} from '../../../../src/math/learning/mlp-training.js';
import { Random } from '../../../../src/math/random.js';

/** Points of the square −1…1 whose target is a bump that no linear function fits. */
function bump(count: number, seed: number): Examples {
  const random = new Random(seed);
  const points = Float32Array.from({ length: 2 * count }, () => 2 * random.next() - 1);
  return {
    count,
    inputs: 2,
    read: (index, input) => {
      input.set(points.subarray(2 * index, 2 * index + 2));
      return Math.exp(-4 * ((input[0] ?? 0) ** 2 + (input[1] ?? 0) ** 2));
    },
  };
}

function meanSquaredError(mlp: Mlp, examples: Examples): number {
  const predictor = new MlpPredictor(mlp);
  const input = new Float32Array(examples.inputs);
  let total = 0;
  for (let index = 0; index < examples.count; index++) {
    const target = examples.read(index, input);
    total += (predictor.predict(input) - target) ** 2;
  }
  return total / examples.count;
}

function targetVariance({ count, inputs, read }: Examples): number {
  const targets = Array.from({ length: count }, (_, index) => read(index, new Float32Array(inputs)));
  const mean = targets.reduce((sum, target) => sum + target, 0) / count;
  return targets.reduce((sum, target) => sum + (target - mean) ** 2, 0) / count;
}

describe('TrainedNetwork', () => {
  it.each<[MlpOutput, number[]]>([
    ['linear', [5, 4, 1]],
    ['linear', [6, 5, 3, 1]],
    ['logistic', [6, 5, 3, 1]],
  ])('has the gradient that differences of its loss show: %s %j', (output, sizes) => {
    const random = new Random(1);
    const network = new TrainedNetwork(sizes, output);
    const parameters = initialParameters(sizes, random).map((value) => value + 0.1 * random.normal());
    const lossAt = (values: Float64Array, gradient: Float64Array) => network.addGradient(values, 0.3, gradient);
    for (let i = 0; i < network.input.length; i++) network.input[i] = random.normal();
    const gradient = new Float64Array(parameters.length);
    lossAt(parameters, gradient);
    expect(gradient.filter((value) => value !== 0).length).toBeGreaterThan(parameters.length / 5);
    const scratch = new Float64Array(parameters.length);
    parameters.forEach((value, i) => {
      const step = 1e-6;
      const above = lossAt(parameters.with(i, value + step), scratch);
      const below = lossAt(parameters.with(i, value - step), scratch);
      expect(gradient[i]).toBeCloseTo((above - below) / (2 * step), 7);
    });
  });

  it('adds gradients up', () => {
    const network = new TrainedNetwork([2, 2, 1], 'linear');
    network.input.set([1, 2]);
    const parameters = initialParameters([2, 2, 1], new Random(2));
    const once = new Float64Array(parameters.length);
    const twice = new Float64Array(parameters.length);
    network.addGradient(parameters, 1, once);
    network.addGradient(parameters, 1, twice);
    network.addGradient(parameters, 1, twice);
    expect(twice).toEqual(once.map((value) => 2 * value));
  });
});

describe('trainMlp', () => {
  it.each<[MlpOutput, readonly number[]]>([
    ['linear', [16]],
    ['linear', [16, 8]],
    ['logistic', [16, 8]],
  ])('learns what no linear function fits: %s %j', (output, hidden) => {
    const losses: number[] = [];
    const mlp = trainMlp({
      examples: bump(2000, 1),
      hidden,
      output,
      seed: 3,
      epochs: 30,
      learningRate: 0.01,
      onEpoch: (_, loss) => losses.push(loss),
    });
    // By symmetry no linear function does better than a constant, which leaves the variance.
    expect(meanSquaredError(mlp, bump(500, 2))).toBeLessThan(0.2 * targetVariance(bump(500, 2)));
    expect(losses).toHaveLength(30);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);
  });

  it('makes the same network again from the same seed', () => {
    const train = (seed: number) => trainMlp({ examples: bump(200, 1), output: 'linear', seed, epochs: 2 });
    expect(train(1)).toEqual(train(1));
    expect(train(1).parameters).not.toEqual(train(2).parameters);
  });

  it('learns from tiny inputs, and ignores one that never changes', () => {
    const examples = bump(2000, 1);
    const tiny: Examples = {
      count: examples.count,
      inputs: 3,
      read: (index, input) => {
        const target = examples.read(index, input);
        input.forEach((value, i) => (input[i] = i === 2 ? 5 : value * 1e-6));
        return target;
      },
    };
    const mlp = trainMlp({ examples: tiny, output: 'linear', seed: 3, epochs: 30, hidden: [16], learningRate: 0.01 });
    expect(meanSquaredError(mlp, tiny)).toBeLessThan(0.01);
    expect(mlp.inputScale[2]).toBe(0);
  });

  it('reports examples seen, batch by batch', () => {
    const seen: number[] = [];
    trainMlp({
      examples: bump(25, 1),
      output: 'linear',
      seed: 1,
      epochs: 2,
      batchSize: 10,
      onProgress: (n) => seen.push(n),
    });
    expect(seen).toEqual([10, 20, 25, 35, 45, 50]);
  });

  it('refuses no examples, and shapes that are not small', () => {
    expect(() => trainMlp({ examples: bump(0, 1), output: 'linear', seed: 1 })).toThrow('at least one example');
    expect(() => trainMlp({ examples: bump(2, 1), output: 'linear', seed: 1, hidden: [] })).toThrow(
      'one or two hidden',
    );
  });
});

describe('a stored network', () => {
  const mlp = trainMlp({ examples: bump(50, 1), hidden: [4, 3], output: 'logistic', seed: 1, epochs: 1 });
  const stored = JSON.parse(JSON.stringify(mlpToJson(mlp))) as Record<string, unknown>;

  it('predicts as before, to the last bit', () => {
    const restored = mlpFromJson(stored);
    expect(restored).toEqual(mlp);
    expect(restored.parameters).toHaveLength(parameterCount([2, 4, 3, 1]));
    const input = Float32Array.of(0.2, -0.7);
    expect(new MlpPredictor(restored).predict(input)).toBe(new MlpPredictor(mlp).predict(input));
  });

  it.each([
    ['of another version', { version: 2 }],
    ['of one layer', { sizes: [2, 1] }],
    ['with two outputs', { sizes: [2, 4, 3, 2] }],
    ['cut short', { parameters: String(stored['parameters']).slice(0, 40) }],
    ['with a number that is none', { inputMean: Buffer.from(Float32Array.of(NaN, 0).buffer).toString('base64') }],
  ])('is refused %s', (_, change) => {
    expect(() => mlpFromJson({ ...stored, ...change })).toThrow('Not a stored network');
  });

  it('refuses inputs of another length', () => {
    expect(() => new MlpPredictor(mlp).predict(new Float32Array(3))).toThrow('A network of 2 inputs does not take 3');
  });
});
