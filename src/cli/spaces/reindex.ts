import type { Command } from 'commander';
import type { Reindexed } from '../../spaces/reindex.js';
import { formatTable, print } from '../output.js';
import { printable } from '../../base/printable.js';
import { startStages } from '../progress.js';
import { interruptedExitCode, runOnDatabase, type Environment } from '../run.js';

interface Options {
  readonly space?: string;
  readonly all: boolean;
  readonly dryRun: boolean;
}

export function registerReindex(program: Command, env: Environment): void {
  program
    .command('reindex')
    .summary('build the vector indexes that are missing or invalid')
    .description(
      'Builds the HNSW indexes that are missing, invalid or unfinished; searches compare every image without them. ' +
        'On a Postgres server it may run beside running servers, which go on searching and storing; cut off, it leaves what was there before. ' +
        'It works as the role of SEMBLANCE_ADMIN_DATABASE_URL where that is set, on the database itself: the embedded one must not be held by a running server.',
    )
    .option('--space <name>', 'of this space alone')
    .option('--all', 'the sound ones too, as after VACUUM with a pgvector older than 0.8.4', false)
    .option('--dry-run', 'list the indexes and build none', false)
    .action(async (options: Options) => {
      await runOnDatabase(env, async (operations, signal) => {
        const stages = startStages();
        const answer = await operations.reindex({ ...options, signal, onProgress: stages.report }).finally(stages.stop);
        print(format(answer));
        if (answer.interrupted) process.exitCode = interruptedExitCode;
      });
    });
}

const words = {
  built: 'built',
  cleaned: 'unfinished one removed',
  sound: 'left alone',
  gone: 'removed meanwhile',
  due: 'to be mended',
} as const;

function format({ indexes, interrupted }: Reindexed): string {
  if (indexes.length === 0) return 'There is no embedding space yet.';
  const rows = indexes.map(({ space, name, state, unfinished, outcome }) => [
    printable(space),
    name,
    unfinished.length > 0 ? `${state}, and ${unfinished.join(', ')}` : state,
    words[outcome],
  ]);
  const table = formatTable([['space', 'index', 'was', 'outcome'], ...rows]);
  return interrupted ? `${table}\nInterrupted: the same command goes on there.` : table;
}
