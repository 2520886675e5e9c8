import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { freePort } from './server.js';

/** As another user where the tests run as root, for PgBouncer refuses root. */
const nobody = 65_534;

export interface PgBouncer {
  /** Of a database on the server behind it. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * PgBouncer in transaction mode in front of a database: a connection has another backend in each transaction.
 * scripts/install-pgbouncer.sh installs it.
 * @param connections to the database, fewer than a server of ours asks for
 */
export async function startPgBouncer(databaseUrl: string, connections: number): Promise<PgBouncer> {
  const target = new URL(databaseUrl);
  const database = target.pathname.slice(1);
  const folder = await mkdtemp(join(tmpdir(), 'sb-pgb-'));
  const port = await freePort();
  const uid = process.getuid?.() === 0 ? nobody : userInfo().uid;
  await writeFile(
    join(folder, 'pgbouncer.ini'),
    `[databases]
${database} = host=${target.hostname} port=${target.port} dbname=${database} pool_size=${connections}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users')}
pool_mode = transaction
max_client_conn = 200
`,
  );
  const user = decodeURIComponent(target.username);
  await writeFile(join(folder, 'users'), `"${user}" "${decodeURIComponent(target.password)}"\n`);
  await chown(folder, uid, uid);
  const child = spawn('pgbouncer', [join(folder, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    uid,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
  });
  await started(child);
  target.port = String(port);
  return {
    url: target.href,
    close: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('process up')) resolve();
    });
    child.once('error', (error) => {
      reject(new Error('pgbouncer cannot be started: scripts/install-pgbouncer.sh installs it', { cause: error }));
    });
    child.once('exit', () => {
      reject(new Error(`pgbouncer ended:\n${log}`));
    });
  });
}
