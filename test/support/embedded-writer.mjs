/**
 * Opens the embedded database in argv[2], says "open", then inserts rows and says each number once it is committed,
 * until it is killed. With argv[3] = "hold" it only holds the folder. An error is said as its name.
 */
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { openDatabase } from '../../dist/database/database.js';

const say = (line) => process.stdout.write(`${line}\n`);

try {
  const database = await openDatabase({
    database: { kind: 'embedded' },
    schema: 'semblance',
    dataDir: process.argv[2],
    databaseConnections: 4,
  });
  await database.recordServerUrl(`http://127.0.0.1:${process.pid}`);
  await database.pool.query(
    'CREATE TABLE IF NOT EXISTS written (id int PRIMARY KEY, bytes bytea STORAGE EXTERNAL NOT NULL)',
  );
  say('open');
  let next = (await database.pool.query('SELECT coalesce(max(id), 0)::int AS last FROM written')).rows[0].last + 1;
  const write = async () => {
    for (;;) {
      const id = next++;
      await database.pool.query('INSERT INTO written VALUES ($1, $2)', [id, randomBytes(50_000)]);
      say(id);
    }
  };
  if (process.argv[3] !== 'hold') await Promise.all([write(), write(), write()]);
} catch (error) {
  say(error.constructor.name);
  process.exitCode = 1;
}
