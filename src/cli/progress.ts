import { SingleBar } from 'cli-progress';
import type { OnProgress } from '../base/progress.js';

/** Follows one long piece of work on stderr, so that stdout stays for results. */
export interface Progress {
  /** One more item is done. */
  readonly advance: () => void;
  /** So many items are done in all. */
  readonly update: (done: number) => void;
  /** Always called, in a `finally`: a bar that is left open garbles the terminal. */
  readonly stop: () => void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly total: number;
  readonly stream?: NodeJS.WriteStream;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

const lineIntervalMs = 5_000;
const rateWindowMs = 10_000;

/** A bar with rate and time left on a terminal; elsewhere, such as in a log, a line every few seconds. */
export function startProgress(options: ProgressOptions): Progress {
  const { label, total, stream = process.stderr, now = () => performance.now() } = options;
  const rate = new RateMeter(now);
  let done = 0;
  const payload = () => ({
    label,
    rate: formatRate(rate.perSecond()),
    left: formatSeconds((total - done) / rate.perSecond()),
  });

  if (!stream.isTTY) {
    let lastMs = now();
    const update = (reached: number): void => {
      rate.count(reached - done);
      done = reached;
      if (now() - lastMs < lineIntervalMs) return;
      lastMs = now();
      const { rate: perSecond, left } = payload();
      const reach = total === 0 ? `${done}, ${perSecond}` : `${done} of ${total}, ${perSecond}, ${left} left`;
      stream.write(`${label}: ${reach}\n`);
    };
    return {
      advance: () => {
        update(done + 1);
      },
      update,
      stop: () => undefined,
    };
  }

  const bar = new SingleBar({
    format: '{label} {bar} {percentage}% | {value}/{total} | {rate} | {left} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    hideCursor: true,
    fps: 10,
    stream,
  });
  bar.start(total, 0, { label, rate: '–', left: '–' });
  const update = (reached: number): void => {
    rate.count(reached - done);
    done = reached;
    bar.update(done, payload());
  };
  return {
    advance: () => {
      update(done + 1);
    },
    update,
    stop: () => {
      bar.update(done, payload());
      bar.stop();
    },
  };
}

/** Follows work that goes through stages: a bar for each. `stop` as for Progress. */
export function startStages(options: Omit<ProgressOptions, 'label' | 'total'> = {}): {
  readonly report: OnProgress;
  readonly stop: () => void;
} {
  let current: { readonly label: string; readonly total: number; readonly bar: Progress } | undefined;
  return {
    report: ({ stage, done, total }) => {
      const label = stage.charAt(0).toUpperCase() + stage.slice(1);
      if (current?.label !== label || current.total !== total) {
        current?.bar.stop();
        current = { label, total, bar: startProgress({ ...options, label, total }) };
      }
      current.bar.update(done);
    },
    stop: () => {
      current?.bar.stop();
      current = undefined;
    },
  };
}

/** Items a second over the last ten seconds: what is known already goes by far faster than what is sent. */
export class RateMeter {
  /** One entry a tenth of a second at most, so its length is bounded. */
  readonly #samples: { readonly atMs: number; readonly count: number }[];
  #count = 0;

  constructor(readonly now: () => number) {
    this.#samples = [{ atMs: now(), count: 0 }];
  }

  count(items = 1): void {
    this.#count += items;
    const atMs = this.now();
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= 100) this.#samples.push({ atMs, count: this.#count });
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > rateWindowMs) this.#samples.shift();
  }

  perSecond(): number {
    const first = this.#samples[0];
    if (first === undefined) return 0;
    const elapsedMs = this.now() - first.atMs;
    return elapsedMs <= 0 ? 0 : ((this.#count - first.count) * 1000) / elapsedMs;
  }
}

function formatRate(perSecond: number): string {
  return perSecond > 0 && perSecond < 1 ? `${(perSecond * 60).toFixed(0)}/min` : `${perSecond.toFixed(0)}/s`;
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
