/**
 * recall@10 of the HNSW index against the exact scan at 50,000 images (CIFAR-10's training set under the default model), at
 * the defaults (target: at least 0.99) and over ef_search.
 *
 *   npm run bench:recall                      # embedded
 *   DATABASE_URL=postgres://… npm run bench:recall
 */
import { openDatabase } from '../src/database/database.js';
import { galleryConfig, openGallery } from './support/gallery-50k.js';
import { machine, median, show } from './support/measure.js';

const k = 10;
const queryCount = 500;
const efSearchValues = [10, 20, 40, 80, 120, 200, 400];

await (await openGallery()).close();
const config = galleryConfig();
const database = await openDatabase(config);
const name = (object: string) => `"${config.schema}"."${object}"`;
const { rows: sampled } = await database.pool.query<{ id: string; total: number }>(
  `SELECT id, total::int FROM (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS total FROM ${name('image')}) i
   WHERE n % (total / $1) = 0 LIMIT $1`,
  [queryCount],
);
const ids = sampled.map(({ id }) => id);

const { rows: spaces } = await database.pool.query<{ id: number }>(
  `SELECT id FROM ${name('embedding_space')} WHERE state = 'active'`,
);
const partition = name(`embedding_${spaces[0]!.id}`);
const { rows: extension } = await database.pool.query<{ schema: string; version: string }>(
  `SELECT n.nspname AS schema, e.extversion AS version FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector'`,
);
const distance = `OPERATOR("${extension[0]!.schema}".<=>)`;

/** The bare statement, one transaction each, under the settings given. */
async function nearest(id: string, settings: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    for (const [setting, value] of Object.entries(settings))
      await client.query('SELECT set_config($1, $2, true)', [setting, value]);
    const { rows } = await client.query<{ image_id: string }>(
      `SELECT image_id FROM ${partition} WHERE image_id <> $1
       ORDER BY embedding ${distance} (SELECT embedding FROM ${partition} WHERE image_id = $1) LIMIT ${k}`,
      [id],
    );
    await client.query('COMMIT');
    return rows.map((row) => row.image_id);
  } finally {
    client.release();
  }
}

/** Share of the exact neighbours that were found, a mean over the queries. */
function recall(found: readonly (readonly string[])[], exact: readonly (readonly string[])[]): number {
  const shares = found.map((list, i) => list.filter((id) => exact[i]!.includes(id)).length / k);
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

async function timed<T>(
  work: (id: string) => Promise<T>,
): Promise<{ readonly results: T[]; readonly medianMs: number }> {
  const results: T[] = [];
  const times: number[] = [];
  for (const id of ids) {
    const startedMs = performance.now();
    results.push(await work(id));
    times.push(performance.now() - startedMs);
  }
  return { results, medianMs: median(times) };
}

const exact = await timed((id) => nearest(id, { enable_indexscan: 'off' }));
const served = await timed(async (id) => {
  const { rows } = await database.pool.query<{ id: string }>(`SELECT id FROM ${name('similar_images')}($1, $2)`, [
    id,
    k,
  ]);
  return rows.map((row) => row.id);
});
const rows: Record<string, string> = {
  machine: machine(),
  store: `${config.database.kind}, pgvector ${extension[0]!.version}`,
  images: `${sampled[0]!.total}, ${ids.length} queries`,
  'exact scan': `median ${exact.medianMs.toFixed(1)} ms`,
  'similar_images (defaults)': `recall@${k} ${recall(served.results, exact.results).toFixed(4)}, median ${served.medianMs.toFixed(1)} ms`,
};
for (const efSearch of efSearchValues) {
  const { results, medianMs } = await timed((id) =>
    nearest(id, { 'hnsw.ef_search': String(efSearch), enable_sort: 'off' }),
  );
  rows[`ef_search ${efSearch}`] =
    `recall@${k} ${recall(results, exact.results).toFixed(4)}, median ${medianMs.toFixed(1)} ms`;
}
await database.close();
show(rows);
