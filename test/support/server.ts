import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TestClient } from './client.js';
import { smallModel } from './small-model.js';

/** A place where the product can keep images, as its environment names it. */
export interface TestStore {
  readonly name: 'embedded' | 'server';
  /** A fresh, empty database at every call. */
  environment(): Record<string, string>;
}

const serverUrl = process.env['TEST_DATABASE_URL'];

/** The real Postgres takes part where TEST_DATABASE_URL names one: scripts/test-postgres.sh starts it. */
export const serverStores: readonly TestStore[] =
  serverUrl === undefined
    ? []
    : [
        {
          name: 'server',
          environment: () => ({
            DATABASE_URL: serverUrl,
            SEMBLANCE_SCHEMA: `acceptance_${randomBytes(6).toString('hex')}`,
          }),
        },
      ];

/** None under TEST_STORES=server, for a run that comes after one without a server. For what has but one store, too. */
export const embeddedStores: readonly TestStore[] =
  process.env['TEST_STORES'] === 'server' ? [] : [{ name: 'embedded', environment: () => ({}) }];

export const testStores: readonly TestStore[] = [...embeddedStores, ...serverStores];

export const program = resolve(import.meta.dirname, '../../dist/main.js');

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A run of the built program, with a data folder and a folder for temporary files of its own. */
export class ProgramRun {
  readonly exited: Promise<Exit>;
  #stdout = '';
  #output = '';

  constructor(
    readonly child: ChildProcess,
    readonly folder: string,
  ) {
    children.add(child);
    const collect = (chunk: Buffer, isStdout: boolean): void => {
      this.#output += chunk.toString();
      if (isStdout) this.#stdout += chunk.toString();
    };
    child.stdout?.on('data', (chunk: Buffer) => {
      collect(chunk, true);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      collect(chunk, false);
    });
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        children.delete(child);
        resolve({ code, signal });
      });
    });
  }

  /** Standard output and standard error together. */
  get output(): string {
    return this.#output;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get tempFolder(): string {
    return join(this.folder, 'tmp');
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Reaches its whole process group, as Ctrl-C in a terminal does. */
  signal(name: NodeJS.Signals): void {
    signalGroup(this.child, name);
  }

  /** Waits until the output holds what is looked for. */
  async printed(expected: string | RegExp): Promise<void> {
    await waitFor(`output with ${String(expected)}`, () => {
      const found = typeof expected === 'string' ? this.#output.includes(expected) : expected.test(this.#output);
      if (!found && !children.has(this.child))
        throw new Error(`The program ended without printing it:\n${this.#output}`);
      return Promise.resolve(found);
    });
  }
}

export class TestServer extends ProgramRun {
  readonly client: TestClient;
  /** Temporary files of the server when it became ready. */
  #own: ReadonlySet<string> | undefined;

  constructor(
    child: ChildProcess,
    folder: string,
    readonly port: number,
  ) {
    super(child, folder);
    this.client = new TestClient(this.url);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Waits for /readyz. */
  async ready(): Promise<this> {
    await this.answers('/readyz', 200);
    this.#own ??= new Set(await readdir(this.tempFolder, { recursive: true }));
    return this;
  }

  /** Waits until a GET of the path has the status. */
  async answers(path: string, status: number): Promise<this> {
    await waitFor(`${path} to answer ${status}`, async () => {
      if (!this.running) throw new Error(`The server ended:\n${this.output}`);
      const response = await fetch(this.url + path).catch(() => undefined);
      await response?.arrayBuffer();
      return response?.status === status;
    });
    return this;
  }

  /** SIGTERM; answers the exit. */
  async stop(): Promise<Exit> {
    if (this.running) this.signal('SIGTERM');
    return this.exited;
  }

  async kill(): Promise<Exit> {
    if (this.running) this.signal('SIGKILL');
    return this.exited;
  }

  /** What lies in the server's folder for temporary files, beyond what its embedded database keeps there. */
  async temporaryFiles(): Promise<readonly string[]> {
    const files = await readdir(this.tempFolder, { recursive: true });
    return files.filter((file) => this.#own?.has(file) !== true);
  }
}

export interface RunOptions {
  readonly store?: TestStore | undefined;
  /**
   * Environment variables of the program, which serves by the small model unless they tell otherwise; none of this process's
   * SEMBLANCE_* or DATABASE_URL reach it.
   */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Holds `data` and `tmp`; made, and removed at the end of the test process, unless given. */
  readonly folder?: string | undefined;
  readonly cwd?: string | undefined;
  /** The program initialises the embedded database itself. */
  readonly firstStart?: boolean | undefined;
  /** Runs the program as another user; only root may. */
  readonly uid?: number | undefined;
  /** What runs the arguments, instead of node with the built program. */
  readonly launcher?: readonly [string, ...string[]] | undefined;
}

/** Starts `semblance serve` on a free port and waits for nothing. */
export async function spawnServer(options: RunOptions = {}, args: readonly string[] = ['serve']): Promise<TestServer> {
  const port = options.env?.['PORT'] === undefined ? await freePort() : Number(options.env['PORT']);
  const { child, folder } = await spawnProgram(args, { ...options, env: { PORT: String(port), ...options.env } });
  return new TestServer(child, folder, port);
}

export async function startServer(options: RunOptions = {}): Promise<TestServer> {
  return (await spawnServer(options)).ready();
}

export interface FinishedRun extends Exit {
  readonly folder: string;
  readonly stdout: string;
  /** Standard output and standard error together. */
  readonly output: string;
}

/** Runs a command of the built program to its end. */
export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<FinishedRun> {
  const run = await startProgram(args, options);
  const exit = await run.exited;
  return { ...exit, folder: run.folder, stdout: run.stdout, output: run.output };
}

export async function startProgram(args: readonly string[], options: RunOptions = {}): Promise<ProgramRun> {
  const { child, folder } = await spawnProgram(args, options);
  return new ProgramRun(child, folder);
}

const opensDatabase: ReadonlySet<string> = new Set(['serve', 'import', 'migrate']);

/** The first start of an embedded database takes seconds of a processor; only tests of a first start begin with one. */
async function copyTemplate(data: string, [command]: readonly string[], options: RunOptions): Promise<void> {
  const template = process.env['TEST_DATA_TEMPLATE'];
  const elsewhere = options.cwd ?? options.uid ?? options.env?.['SEMBLANCE_DATA_DIR'];
  if (template === undefined || options.firstStart === true || elsewhere !== undefined) return;
  if (command === undefined || !opensDatabase.has(command) || existsSync(join(data, 'postgres'))) return;
  await cp(template, data, { recursive: true });
}

async function spawnProgram(
  args: readonly string[],
  options: RunOptions,
): Promise<{ readonly child: ChildProcess; readonly folder: string }> {
  const folder = options.folder ?? (await makeFolder());
  const storeEnvironment = options.store?.environment();
  if (!('DATABASE_URL' in { ...storeEnvironment, ...options.env }))
    await copyTemplate(join(folder, 'data'), args, options);
  await mkdir(join(folder, 'tmp'), { recursive: true });
  const [command, ...leading] = options.launcher ?? ([process.execPath, program] as const);
  const child = spawn(command, [...leading, ...args], {
    cwd: options.cwd ?? folder,
    env: {
      ...cleanEnvironment(),
      TMPDIR: join(folder, 'tmp'),
      SEMBLANCE_LOG_FORMAT: 'text',
      SEMBLANCE_MODEL: smallModel,
      SEMBLANCE_DATA_DIR: join(folder, 'data'),
      ...storeEnvironment,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own.
    detached: true,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  return { child, folder };
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(SEMBLANCE_|DATABASE_URL$|HOST$|PORT$|TEST_|VITEST|NODE_OPTIONS$|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

const children = new Set<ChildProcess>();
const folders = new Set<string>();

/** A temporary folder; a short path, for Unix sockets may lie in it. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sb-'));
  folders.add(folder);
  return folder;
}

/** For afterAll: ends what a failed test left running, and removes the folders. */
export async function cleanUp(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      const closed = new Promise((resolve) => child.once('close', resolve));
      signalGroup(child, 'SIGKILL');
      await closed;
    }),
  );
  await Promise.all([...folders].map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 3 })));
  folders.clear();
}

process.once('exit', () => {
  for (const child of children) signalGroup(child, 'SIGKILL');
});

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch (error) {
    // It has ended already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was given');
  return address.port;
}

const waitLimitMs = 110_000;
const pollMs = 50;

/** Asks until the answer is yes. The limit only ends a test that would hang. */
export async function waitFor(what: string, ask: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + waitLimitMs;
  while (Date.now() < endMs) {
    if (await ask()) return;
    await delay(pollMs);
  }
  throw new Error(`Waited in vain for ${what}`);
}
