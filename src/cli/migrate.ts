import type { Command } from 'commander';
import { loadConfig } from '../config.js';
import { ConfigurationError } from '../errors.js';
import { DataFolderInUseError } from '../store/embedded/lock.js';
import { migrateStore } from '../store/open-store.js';
import { print } from './output.js';
import type { Environment } from './run.js';

export function registerMigrate(program: Command, env: Environment): void {
  program
    .command('migrate')
    .summary("bring the database's schema up to date")
    .description(
      'Applies the migrations that the database lacks, in the schema SEMBLANCE_SCHEMA. Where the vector extension or a right is missing, it prints the SQL that an administrator must run. A start does the same, unless SEMBLANCE_AUTO_MIGRATE=false.',
    )
    .action(async () => {
      const { applied } = await migrateStore(loadConfig(env)).catch(explainHolder);
      for (const name of applied) print(`Applied ${name}`);
      print('The schema is up to date.');
    });
}

/** The embedded database has one user; a server that holds it has migrated it at its start. */
function explainHolder(error: unknown): never {
  if (!(error instanceof DataFolderInUseError)) throw error;
  throw new ConfigurationError(
    `The data folder ${error.dataDir} is held by process ${error.pid}: stop it first, or restart it, for a start migrates too.`,
    { cause: error },
  );
}
