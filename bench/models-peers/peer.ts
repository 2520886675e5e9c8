import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { once } from 'node:events';

export interface Ask {
  readonly images: number;
  readonly runs: number;
}

export interface Taken {
  /** Of each run. */
  readonly runsMs: readonly number[];
  /** Of all of them, over all threads. */
  readonly cpuMs: number;
}

/** A process that holds one model and runs it when asked; in between it waits and costs nothing. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  version = '';

  private constructor(
    readonly name: string,
    command: readonly [string, ...string[]],
  ) {
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines: Interface = createInterface({ input: this.#child.stdout! });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static async start(name: string, command: readonly [string, ...string[]]): Promise<Peer> {
    const peer = new Peer(name, command);
    peer.version = ((await peer.#next()) as { version: string }).version;
    return peer;
  }

  async run(ask: Ask): Promise<Taken> {
    this.#child.stdin!.write(`${JSON.stringify(ask)}\n`);
    return (await this.#next()) as Taken;
  }

  async close(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin!.end();
    await exit;
  }

  async #next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`${this.name} ended`);
    return JSON.parse(line.value) as unknown;
  }
}
