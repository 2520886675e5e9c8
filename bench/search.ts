/**
 * What the server adds to a search: similarImages(k: 10) over HTTP against the SQL alone through pg, at 50,000 images
 * (target: median overhead at most 3 ms), and requests per second with 16 clients.
 *
 *   npm run bench:search                      # embedded
 *   DATABASE_URL=postgres://… npm run bench:search
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { packageRoot } from '../src/base/paths.js';
import { openDatabase } from '../src/database/database.js';
import { galleryConfig, openGallery } from './support/gallery-50k.js';
import { machine, median, quantile, show } from './support/measure.js';

const queryCount = 1_000;
const clients = 16;
const loadSeconds = 10;
const port = 4900;

await (await openGallery()).close();
const config = galleryConfig();
const database = await openDatabase(config);
const name = (object: string) => `"${config.schema}"."${object}"`;
const { rows } = await database.pool.query<{ id: string }>(`SELECT id FROM ${name('image')} ORDER BY sha256 LIMIT $1`, [
  queryCount,
]);
const ids = rows.map(({ id }) => id);
const statement = `SELECT i.*, s.similarity, s.rank FROM ${name('similar_images')}($1, 10) s JOIN ${name('image')} i USING (id) ORDER BY s.rank`;
await timesOf((id) => database.pool.query(statement, [id]));
const sqlMs = await timesOf((id) => database.pool.query(statement, [id]));
await database.close();

const server = spawn(process.execPath, [join(packageRoot, 'dist', 'main.js'), 'serve'], {
  env: { ...process.env, PORT: String(port), SEMBLANCE_DATA_DIR: config.dataDir, SEMBLANCE_SCHEMA: config.schema },
  stdio: ['ignore', 'ignore', 'inherit'],
});
const origin = `http://127.0.0.1:${port}`;
while (
  !(await fetch(`${origin}/readyz`).then(
    (response) => response.ok,
    () => false,
  ))
)
  await setTimeout(100);

const query =
  'query ($id: ID!) { similarImages(imageId: $id, k: 10) { rank similarity image { id filename url thumbnailUrl } } }';
async function searchOverHttp(id: string): Promise<void> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { id } }),
  });
  const { data } = (await response.json()) as { data?: { similarImages: unknown[] } };
  if (data?.similarImages.length !== 10) throw new Error('A search gave no ten images');
}
await timesOf(searchOverHttp);
const httpMs = await timesOf(searchOverHttp);

let answered = 0;
const endMs = performance.now() + 1000 * loadSeconds;
await Promise.all(
  Array.from({ length: clients }, async (_, client) => {
    for (let i = client; performance.now() < endMs; i += clients) {
      await searchOverHttp(ids[i % ids.length]!);
      answered++;
    }
  }),
);
server.kill();
await once(server, 'exit');

const line = (times: readonly number[]) =>
  `median ${median(times).toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms`;
show({
  machine: machine(),
  store: config.database.kind,
  'SQL through pg': line(sqlMs),
  'similarImages over HTTP': line(httpMs),
  'median overhead': `${(median(httpMs) - median(sqlMs)).toFixed(2)} ms`,
  [`requests/s, ${clients} clients`]: (answered / loadSeconds).toFixed(0),
});

async function timesOf(work: (id: string) => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (const id of ids) {
    const startedMs = performance.now();
    await work(id);
    times.push(performance.now() - startedMs);
  }
  return times;
}
