import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { workerUrl } from '../../base/paths.js';
import type { Manifest } from '../manifest-schema.js';
import { ModelError } from '../model-error.js';
import { freeBatchSizes } from '../session/session-batches.js';
import { maxEmbeddingBatch } from '../../base/limits.js';
import { disableTelemetry } from '../session/worker-handle.js';
import { describeModel } from '../folder/probe.js';
import type { BenchAnswer, BenchStart, Configuration } from './messages.js';

/** Figures of one configuration, from its best round: what else ran on the machine can only have slowed it down. */
export interface Measurement extends Configuration {
  readonly imagesPerSecond: number;
  /** Of one run. */
  readonly medianMs: number;
  readonly p95Ms: number;
  /** Of all rounds. */
  readonly residentBytes: number;
  readonly peakBytes: number;
}

export interface MeasureOptions {
  readonly manifest: Manifest;
  readonly configurations: readonly Configuration[];
  /** Each configuration is measured so often, the others in between: a machine has better and worse minutes. */
  readonly rounds: number;
  /** Of each round. */
  readonly measureMs: number;
  readonly signal?: AbortSignal | undefined;
  /** One configuration is through one round. */
  readonly onMeasured?: (() => void) | undefined;
}

/** To load the weights and run them five times; a process that takes longer is ended. */
const patienceMs = 180_000;

/**
 * Runs a model in each configuration, in a process of its own, so that its memory is its own, one after another.
 * @throws ModelError where it cannot be run; the signal's reason
 */
export async function measureModel(options: MeasureOptions): Promise<readonly Measurement[]> {
  const { manifest, configurations, rounds, measureMs, signal, onMeasured } = options;
  const answers = configurations.map((): Measured[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [i, configuration] of configurations.entries()) {
      answers[i]?.push(await askProcess({ ...configuration, manifest, measureMs }, signal));
      onMeasured?.();
    }
  }
  return configurations.map((configuration, i) => summarise(configuration, answers[i] ?? []));
}

/** Weights fix how many images a run takes, or leave it open. @throws ModelError */
export async function batchesOf({ weightsPath }: Manifest): Promise<readonly number[]> {
  const { inputs } = await describeModel({ weightsPath, threads: 1 });
  const fixed = inputs[0]?.shape[0];
  return typeof fixed === 'number' ? [Math.min(fixed, maxEmbeddingBatch)] : [...freeBatchSizes].sort((a, b) => a - b);
}

/** 1, 2, 3, 4, 6, 8, 12, 16, … and the number of cores itself. */
export function threadCounts(cores: number): readonly number[] {
  const counts = [1, 2, 3];
  for (let power = 4; power <= maxThreads; power *= 2) counts.push(power, power * 1.5);
  const most = Math.min(cores, maxThreads);
  return [...new Set([...counts.filter((count) => count <= most), most])];
}

const maxThreads = 64;

type Measured = Extract<BenchAnswer, { readonly kind: 'measured' }>;

function summarise({ threads, batchImages }: Configuration, answers: readonly Measured[]): Measurement {
  const rounds = answers.map(({ runsMs }) => {
    const sorted = [...runsMs].sort((a, b) => a - b);
    return { medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
  });
  const best = rounds.reduce((a, b) => (b.medianMs < a.medianMs ? b : a));
  return {
    threads,
    batchImages,
    imagesPerSecond: (batchImages * 1000) / best.medianMs,
    ...best,
    residentBytes: Math.max(...answers.map(({ residentBytes }) => residentBytes)),
    peakBytes: Math.max(...answers.map(({ peakBytes }) => peakBytes)),
  };
}

/** Of sorted values, by the nearest rank. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

async function askProcess(start: BenchStart, signal: AbortSignal | undefined): Promise<Measured> {
  signal?.throwIfAborted();
  disableTelemetry();
  const child = fork(fileURLToPath(workerUrl('models/bench/bench-process')), {
    execArgv: [],
    // Ctrl-C reaches a whole process group: a process that has one of its own is ended where it should end, and by us.
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let answer: BenchAnswer | undefined;
  let late = false;
  const end = (): void => {
    child.kill('SIGKILL');
  };
  const patience = setTimeout(() => {
    late = true;
    end();
  }, start.measureMs + patienceMs);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const exit = new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killer) => {
        resolve(killer ?? `exit code ${code ?? 'unknown'}`);
      });
    });
    child.once('message', (message: BenchAnswer) => {
      answer = message;
    });
    child.send(start, () => undefined);
    // Not at its message: the next one would share memory and cores with it.
    const ended = await exit;
    signal?.throwIfAborted();
    if (answer?.kind === 'measured') return answer;
    const { threads, batchImages } = start;
    throw new ModelError(describeEnd(answer?.reason, late, ended), { cause: { threads, batchImages } });
  } finally {
    clearTimeout(patience);
    signal?.removeEventListener('abort', end);
  }
}

function describeEnd(reason: string | undefined, late: boolean, ended: string): string {
  if (reason !== undefined) return reason;
  return late
    ? `it was not loaded and run in ${patienceMs / 1000} s`
    : `the process that ran it died (${ended}), perhaps for want of memory`;
}
