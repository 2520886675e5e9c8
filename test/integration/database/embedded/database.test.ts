import { createHash } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queryMessage, startupMessage } from '../../../../src/database/embedded/wire.js';
import { openTestDatabase, type TestDatabase } from '../../../support/database.js';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await openTestDatabase('embedded');
  pool = database.pool;
  await pool.query('CREATE TABLE item (id int PRIMARY KEY, hash text NOT NULL, bytes bytea NOT NULL)');
});

afterAll(() => database.close());

function socketPath(): string {
  const { host = '', port = 0 } = pool.options;
  return join(host, `.s.PGSQL.${port}`);
}

/** Different for each `seed` from the first byte to the last. */
function bytesOf(seed: number, size: number): Buffer {
  return Buffer.alloc(size, createHash('sha256').update(String(seed)).digest());
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

async function count(sql: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(sql);
  return Number(rows[0]?.count);
}

describe('ten connections to the one backend', () => {
  test('give 400 right answers to 400 mixed operations with large parameters', async () => {
    const sizes = [1_000, 60_000, 200_000, 800_000];
    const insert = 'INSERT INTO item VALUES ($1, $2, $3)';

    const write = async (id: number, bytes: Buffer) => {
      await pool.query(insert, [id, md5(bytes), bytes]);
      const { rows } = await pool.query<{ bytes: Buffer }>('SELECT bytes FROM item WHERE id = $1', [id]);
      return rows[0]?.bytes.equals(bytes) === true;
    };
    const compute = async (id: number, bytes: Buffer) => {
      const { rows } = await pool.query<{ id: number; md5: string }>('SELECT $1::int AS id, md5($2::bytea)', [
        id,
        bytes,
      ]);
      return rows[0]?.id === id && rows[0].md5 === md5(bytes);
    };
    const fail = async (id: number, bytes: Buffer) => {
      const failure: unknown = await pool
        .query('SELECT $1::int / 0, $2::bytea', [id, bytes])
        .catch((error: unknown) => error);
      return failure instanceof pg.DatabaseError && failure.code === '22012';
    };
    const transact = async (id: number, bytes: Buffer, end: 'COMMIT' | 'ROLLBACK') => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(insert, [id, md5(bytes), bytes]);
        const { rows } = await client.query<{ md5: string }>('SELECT md5(bytes) FROM item WHERE id = $1', [id]);
        await client.query(end);
        return rows[0]?.md5 === md5(bytes);
      } finally {
        client.release();
      }
    };
    const operations = [
      write,
      compute,
      fail,
      (id: number, bytes: Buffer) => transact(id, bytes, 'COMMIT'),
      (id: number, bytes: Buffer) => transact(id, bytes, 'ROLLBACK'),
    ] as const;

    const operate = async (id: number) => {
      const operation = operations[id % operations.length] ?? write;
      return operation(id, bytesOf(id, sizes[id % sizes.length] ?? 0));
    };
    const answers = await Promise.all(Array.from({ length: 400 }, (_, id) => operate(id)));
    expect(answers.filter(Boolean)).toHaveLength(400);
    expect(await count('SELECT count(*) FROM item')).toBe(160);
    expect(await count('SELECT count(*) FROM item WHERE md5(bytes) <> hash')).toBe(0);
  });

  test('carry 20 MB there and back', async () => {
    const bytes = bytesOf(1, 20_000_000);
    await pool.query('INSERT INTO item VALUES (1000, $1, $2)', [md5(bytes), bytes]);
    const { rows } = await pool.query<{ bytes: Buffer }>('SELECT bytes FROM item WHERE id = 1000');
    expect(rows[0]?.bytes.equals(bytes)).toBe(true);
  });

  test('see nothing of a transaction that another holds, and wait for its end', async () => {
    const client = await pool.connect();
    const order: string[] = [];
    await client.query('BEGIN');
    await client.query("INSERT INTO item VALUES (2000, '', '')");
    const other = count('SELECT count(*) FROM item WHERE id = 2000').then((rows) => order.push(`read ${rows}`));
    await client.query('SELECT 1').then(() => order.push('still inside'));
    await client.query('ROLLBACK').then(() => order.push('rolled back'));
    client.release();
    await other;
    expect(order).toEqual(['still inside', 'rolled back', 'read 0']);
  });
});

describe('a client that goes away', () => {
  function connect(): Promise<net.Socket> {
    return new Promise((resolve, reject) => {
      const socket = net
        .connect(socketPath(), () => {
          resolve(socket);
        })
        .on('error', reject);
    });
  }

  function until(socket: net.Socket, text: string): Promise<void> {
    return new Promise((resolve) => {
      let seen = '';
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        if (seen.includes(text)) resolve();
      });
    });
  }

  test('inside a transaction is rolled back, and the next one served', async () => {
    const socket = await connect();
    socket.write(startupMessage());
    socket.write(queryMessage("BEGIN; INSERT INTO item VALUES (3000, '', '')"));
    await until(socket, 'INSERT 0 1');
    socket.destroy();
    expect(await count('SELECT count(*) FROM item WHERE id = 3000')).toBe(0);
  });

  test('inside a failed transaction is rolled back too', async () => {
    const socket = await connect();
    socket.write(startupMessage());
    socket.write(queryMessage('BEGIN; SELECT 1/0'));
    await until(socket, 'division by zero');
    socket.destroy();
    expect(await count('SELECT count(*) FROM item WHERE id = 3000')).toBe(0);
  });

  test('between a Flush and its Sync leaves the backend in sync', async () => {
    const parse = Buffer.concat([Buffer.from('P\0\0\0\0'), Buffer.from('\0nonsense\0\0\0')]);
    parse.writeInt32BE(parse.length - 1, 1);
    const socket = await connect();
    socket.write(startupMessage());
    socket.write(Buffer.concat([parse, Buffer.from([0x48, 0, 0, 0, 4])]));
    await until(socket, 'syntax error');
    socket.destroy();
    expect(await count('SELECT count(*) FROM item WHERE id = 3000')).toBe(0);
  });

  test('in the middle of a message has done nothing', async () => {
    const socket = await connect();
    socket.write(startupMessage());
    await until(socket, 'server_version');
    socket.write(Buffer.from(queryMessage("INSERT INTO item VALUES (3000, '', '')")).subarray(0, 30));
    socket.end();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await count('SELECT count(*) FROM item WHERE id = 3000')).toBe(0);
  });

  test('or speaks another protocol is shown the door', async () => {
    const socket = await connect();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await count('SELECT count(*) FROM item WHERE id = 3000')).toBe(0);
  });
});

test('the socket lies in a folder that only its owner can enter', () => {
  expect(statSync(pool.options.host ?? '').mode & 0o777).toBe(0o700);
  expect(existsSync(socketPath())).toBe(true);
});

test('letters beyond ASCII have cases', async () => {
  const { rows } = await pool.query("SELECT lower('ÉÀ') AS lower, 'Été' ILIKE '%ÉTÉ%' AS alike");
  expect(rows).toEqual([{ lower: 'éà', alike: true }]);
});

describe('maintenance', () => {
  test('analyses a table once it has changed enough', async () => {
    await pool.query('CREATE TABLE many (id int PRIMARY KEY)');
    for (let part = 0; part < 4; part++) {
      await pool.query('INSERT INTO many SELECT generate_series($1::int, $1::int + 299)', [part * 300]);
    }
    // -1: never looked at. The statement that noticed is followed by maintenance's own turns; ours come after them.
    const known = () => count("SELECT reltuples::int AS count FROM pg_class WHERE relname = 'many'");
    await expect.poll(known).toBeGreaterThan(300);
  });

  test('gives the room of deleted rows back', async () => {
    await pool.query("CREATE TABLE emptied AS SELECT i, repeat('x', 1000) AS text FROM generate_series(1, 1200) i");
    const bytes = () => count("SELECT pg_relation_size('emptied') AS count");
    expect(await bytes()).toBeGreaterThan(1_000_000);
    await pool.query('DELETE FROM emptied');
    await expect.poll(bytes).toBe(0);
  });

  test('writes a checkpoint before the log has grown to 300 MB', async () => {
    const logBytes = () =>
      count('SELECT (pg_current_wal_insert_lsn() - redo_lsn)::bigint AS count FROM pg_control_checkpoint()');
    await pool.query('CREATE TABLE filler (bytes bytea STORAGE EXTERNAL)');
    let largest = 0;
    for (let part = 0; part < 20; part++) {
      await pool.query('INSERT INTO filler VALUES ($1)', [bytesOf(part, 19_000_000)]);
      largest = Math.max(largest, await logBytes());
    }
    expect(largest).toBeGreaterThan(200_000_000);
    expect(largest).toBeLessThan(300_000_000);
    expect(await logBytes()).toBeLessThan(200_000_000);
  });
});

test('closing leaves the database and nothing else behind', async () => {
  const own = await openTestDatabase('memory');
  const folder = own.pool.options.host ?? '';
  expect(readdirSync(folder)).toEqual(['.s.PGSQL.5432']);
  await own.close();
  expect(existsSync(folder)).toBe(false);
  await expect(own.pool.query('SELECT 1')).rejects.toThrow('after calling end');
});
