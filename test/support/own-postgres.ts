import { execFile } from 'node:child_process';
import { chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort, waitFor } from './server.js';

const run = promisify(execFile);

/** A PostgreSQL cluster of a test's own, to be killed and filled up. It runs as the user that scripts/test-postgres.sh chose. */
export class OwnPostgres {
  private constructor(
    readonly folder: string,
    readonly port: number,
    private readonly launcher: readonly string[],
    private readonly programs: string,
  ) {}

  /** @param settings of postgresql.conf, values as they stand there */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<OwnPostgres> {
    const cluster = await OwnPostgres.#prepare();
    await cluster.#run('initdb', '-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8');
    await cluster.configure({ fsync: 'off', shared_buffers: '64MB', ...settings });
    await cluster.start();
    return cluster;
  }

  /**
   * A hot standby of `primary`, which goes on streaming from it.
   * @param tablespaces.from folder of the primary's tablespace, which is copied elsewhere; it has none unless given
   */
  static async startStandby(primary: OwnPostgres, tablespaces?: { readonly from: string }): Promise<OwnPostgres> {
    const cluster = await OwnPostgres.#prepare();
    const mapping =
      tablespaces === undefined
        ? []
        : [`--tablespace-mapping=${tablespaces.from}=${join(cluster.folder, 'tablespace')}`];
    const options = ['--write-recovery-conf', '--no-sync', '--checkpoint=fast', ...mapping];
    await cluster.#run('pg_basebackup', '-d', primary.url, ...options);
    await cluster.configure({});
    await cluster.start();
    return cluster;
  }

  static async #prepare(): Promise<OwnPostgres> {
    const words = process.env['TEST_PG_CTL']?.split(' ');
    const programs = words?.pop();
    if (words === undefined || programs === undefined) {
      throw new Error('TEST_PG_CTL is not set: run the tests under scripts/test-postgres.sh.');
    }
    const folder = await mkdtemp(join(tmpdir(), 'sb-pg-'));
    const cluster = new OwnPostgres(folder, await freePort(), words, dirname(programs));
    await cluster.own(folder);
    return cluster;
  }

  /** A superuser's. */
  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  /** Gives a folder to the user that the cluster runs as. */
  async own(folder: string): Promise<void> {
    const uid = this.launcher.find((word) => word.startsWith('--reuid='))?.slice('--reuid='.length);
    const gid = this.launcher.find((word) => word.startsWith('--regid='))?.slice('--regid='.length);
    if (uid === undefined || gid === undefined) return;
    const { stdout } = await run('id', ['-u', uid]);
    await chown(folder, Number(stdout), Number(gid));
  }

  /** Takes effect at the next start, or with `reload`. */
  async configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries({
      listen_addresses: `'127.0.0.1'`,
      port: String(this.port),
      // Its lock, too, would outlive a kill.
      unix_socket_directories: `''`,
      ...settings,
    }).map(([name, value]) => `${name} = ${value}\n`);
    const file = join(this.dataFolder, 'postgresql.conf');
    await writeFile(file, lines.join(''), { flag: 'a' });
  }

  async start(): Promise<void> {
    await this.#run('pg_ctl', '-l', join(this.folder, 'log'), '-w', '-s', 'start');
  }

  async stop(mode: 'smart' | 'fast' | 'immediate'): Promise<void> {
    await this.#run('pg_ctl', '-m', mode, '-w', '-s', 'stop');
  }

  /** Makes a standby a primary. */
  async promote(): Promise<void> {
    await this.#run('pg_ctl', '-w', '-s', 'promote');
  }

  async restart(mode: 'fast' | 'immediate'): Promise<void> {
    await this.#run('pg_ctl', '-m', mode, '-l', join(this.folder, 'log'), '-w', '-s', 'restart');
  }

  /** SIGKILL to every process, as the kernel does where memory runs out. */
  async kill(): Promise<void> {
    const text = await readFile(join(this.dataFolder, 'postmaster.pid'), 'utf8');
    const postmaster = Number(text.split('\n')[0]);
    const processes = [postmaster, ...(await childrenOf(postmaster))];
    for (const pid of processes) killIfThere(pid);
    await waitFor('the killed processes to be gone', async () =>
      (await Promise.all(processes.map(isGone))).every(Boolean),
    );
    // Until somebody reaps it, and in a container that may be nobody, a dead postmaster looks like one that runs.
    await rm(join(this.dataFolder, 'postmaster.pid'), { force: true });
  }

  /** As superuser. */
  async query(sql: string, database = 'postgres'): Promise<pg.QueryResult<Record<string, unknown>>> {
    const client = new pg.Client(this.urlOf(database));
    await client.connect();
    try {
      return await client.query<Record<string, unknown>>(sql);
    } finally {
      await client.end();
    }
  }

  urlOf(database: string): string {
    return this.url.replace(/[^/]*$/, database);
  }

  /** Ends it however it is, and removes its folder. */
  async remove(): Promise<void> {
    await this.stop('immediate').catch(() => undefined);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async #run(program: string, ...args: readonly string[]): Promise<void> {
    const [command = '', ...rest] = [...this.launcher, join(this.programs, program), '-D', this.dataFolder, ...args];
    try {
      await run(command, rest, { cwd: this.folder });
    } catch (error) {
      const log = await readFile(join(this.folder, 'log'), 'utf8').catch(() => '');
      throw new Error(`${program} failed:\n${log.slice(-4_000)}`, { cause: error });
    }
  }
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(entries.map(parentOf));
  return entries.filter((_, index) => parents[index] === parent);
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the fourth field; the second is in parentheses and may hold any. */
async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' ? undefined : Number(fields[1]);
}

async function isGone(pid: number): Promise<boolean> {
  return (await parentOf(pid)) === undefined;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
