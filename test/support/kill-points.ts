import { seededRandom } from './make-image.js';

/**
 * Where in the program a SIGKILL falls: before a statement is sent, when it is on its way, or when it has been answered; likewise
 * for files. The statements are those of src/database.
 */
export interface KillPoint {
  readonly name: string;
  /** What is under way: see KillSeries. */
  readonly scenario: ServerScenario | 'migrate' | 'export' | 'import-archive';
  /** Regular expressions: of a statement, or of a file operation as kill-point.mjs writes it. */
  readonly sql?: string;
  readonly file?: string;
  /** Of the statement before it on the same connection, where others send the same one. */
  readonly behind?: string;
  readonly when: 'before' | 'sent' | 'after';
  /** How often the point is passed at least while that is under way: any of these passes may be the last. */
  readonly passes: number;
}

export type ServerScenario = 'upload' | 'delete' | 'create' | 'backfill' | 'activate' | 'remove' | 'start';

/**
 * What goes on while the program is killed. `alone`: a server does nothing else, and an archive is a file. `busy`: uploads and searches
 * of others go on, the import command starts in place of a server, and an archive is a folder.
 */
export const rounds = ['alone', 'busy'] as const;
export type Round = (typeof rounds)[number];

export interface Kill {
  readonly point: KillPoint;
  /** The pass at which it strikes, from 1. */
  readonly nth: number;
  readonly round: Round;
}

const all = ['before', 'sent', 'after'] as const;

function points(
  scenario: KillPoint['scenario'],
  name: string,
  pattern: Pick<KillPoint, 'sql' | 'file' | 'behind'>,
  { passes = 1, when = all }: { readonly passes?: number; readonly when?: readonly KillPoint['when'][] } = {},
): readonly KillPoint[] {
  return when.map((each) => ({ name: `${scenario}: ${name}, ${each}`, scenario, ...pattern, when: each, passes }));
}

/** The points of a running server. */
export const serverPoints: readonly KillPoint[] = [
  ...points('upload', 'what is there', { sql: 'LEFT JOIN .*"image" i ON i\\.id' }, { passes: 3 }),
  ...points('upload', 'the spaces are held', { sql: "state <> 'retired' ORDER BY id FOR SHARE" }, { passes: 3 }),
  ...points('upload', 'row of the image', { sql: 'INSERT INTO .*"image" AS i' }, { passes: 3 }),
  ...points('upload', 'bytes', { sql: 'INSERT INTO .*"image_content"' }, { passes: 3 }),
  ...points('upload', 'embeddings', { sql: 'INSERT INTO .*"embedding" \\(space_id' }, { passes: 3 }),
  ...points('upload', 'commit', { sql: '^COMMIT$', behind: 'INSERT INTO .*"embedding" \\(space_id' }, { passes: 3 }),
  ...points('delete', 'row of the image', { sql: 'DELETE FROM .*"image" WHERE' }, { passes: 2 }),
  ...points('create', 'job', { sql: 'INSERT INTO .*"job"' }),
  ...points('create', 'claim of the job', { sql: "SET state = 'running', lease_owner" }),
  ...points('create', 'row of the space', { sql: 'INSERT INTO .*"embedding_space" AS s' }),
  ...points('create', 'partition', { sql: 'ATTACH PARTITION' }, { passes: 2 }),
  ...points('create', 'index', { sql: 'CREATE INDEX .*_hnsw' }, { passes: 2 }),
  ...points('create', 'the job ends', { sql: 'SET state = \\$3, result' }),
  ...points('backfill', 'embeddings', { sql: 'INSERT INTO .*"embedding" .*FOR KEY SHARE OF i' }, { passes: 2 }),
  ...points('backfill', 'the space is complete', { sql: 'UPDATE .*"embedding_space" SET state = \\$2' }),
  ...points('activate', 'states', { sql: 'UPDATE .*"embedding_space" SET state = \\$2' }, { passes: 2 }),
  ...points('activate', 'commit', { sql: '^COMMIT$', behind: 'UPDATE .*"embedding_space" SET state = \\$2' }),
  ...points('remove', 'the space is retired', { sql: 'UPDATE .*"embedding_space" SET state = \\$2' }),
  ...points('remove', 'partition', { sql: 'DETACH PARTITION' }, { passes: 2 }),
  ...points('remove', 'foreign key', { sql: 'DROP CONSTRAINT' }, { passes: 2 }),
  ...points('remove', 'table', { sql: 'DROP TABLE IF EXISTS' }, { passes: 2 }),
  ...points('remove', 'row of the space', { sql: 'DELETE FROM .*"embedding_space"' }),
];

/** Those of the start of a server on an embedded database that is there. */
export const embeddedStartPoints: readonly KillPoint[] = [
  ...points('start', 'lock', { file: '^rename .*semblance\\.lock' }, { passes: 2, when: ['before', 'after'] }),
  ...points(
    'start',
    'draft of the lock',
    { file: '^(rm|unlink) .*semblance\\.lock\\.' },
    { when: ['before', 'after'] },
  ),
];

/** Those of a start on an empty database. */
export const migratePoints: readonly KillPoint[] = [
  ...points('migrate', 'statements of a migration', { sql: 'CREATE TABLE (image|job|api_key) ' }, { passes: 3 }),
  ...points('migrate', 'record of a migration', { sql: 'INSERT INTO .*_prisma_migrations' }, { passes: 3 }),
  ...points('migrate', 'commit', { sql: '^COMMIT$' }, { passes: 3 }),
  ...points('migrate', 'first space', { sql: 'INSERT INTO .*"embedding_space" AS s' }),
  ...points('migrate', 'index of the first space', { sql: 'CREATE INDEX .*_hnsw' }, { passes: 2 }),
];

export const embeddedFirstStartPoints: readonly KillPoint[] = points(
  'migrate',
  'the database gets its name',
  { file: '^rename .*postgres\\.new-' },
  { when: ['before', 'after'] },
);

export const archivePoints: readonly KillPoint[] = [
  ...points('export', 'an image is read', { sql: 'SELECT .*c\\.thumbnail, c\\.grey' }, { passes: 4 }),
  ...points('export', 'the archive gets its name', { file: '^rename .*\\.partial' }, { when: ['before', 'after'] }),
  ...points('import-archive', 'space', { sql: 'INSERT INTO .*"embedding_space" AS s' }),
  ...points('import-archive', 'row of an image', { sql: 'INSERT INTO .*"image" \\(id, sha256' }, { passes: 4 }),
  ...points('import-archive', 'vector', { sql: 'INSERT INTO .*"embedding" \\(space_id' }, { passes: 4 }),
  ...points('import-archive', 'commit', { sql: '^COMMIT$' }, { passes: 5 }),
];

/** Every point once, in an order that the seed shuffles; at another of its passes in each round, where it has several. */
export function drawKills(points: readonly KillPoint[], seed: number, round: Round): readonly Kill[] {
  const random = seededRandom(seed);
  const shift = rounds.indexOf(round);
  return points
    .map((point) => ({ point, first: Math.floor(random() * point.passes), orders: rounds.map(() => random()) }))
    .sort((a, b) => (a.orders[shift] ?? 0) - (b.orders[shift] ?? 0))
    .map(({ point, first }) => ({ point, nth: 1 + ((first + shift) % point.passes), round }));
}

export function describeKill({ point, nth, round }: Kill): string {
  return `${point.name} (${round}, pass ${nth})`;
}
