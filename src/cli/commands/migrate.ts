import type { Command } from 'commander';
import type { Config } from '../../base/config.js';
import { ConfigurationError } from '../../base/errors.js';
import { DataFolderInUseError } from '../../database/embedded/lock.js';
import { migrateStore } from '../../database/open-store.js';
import { loadGalleryConfig } from '../command-config.js';
import { openApp } from '../local-gallery.js';
import { print } from '../output.js';
import type { Environment } from '../run.js';

export function registerMigrate(program: Command, env: Environment): void {
  program
    .command('migrate')
    .summary("bring the database's schema up to date")
    .description(
      'Applies the migrations that the database lacks, in the schema SEMBLANCE_SCHEMA. Where the vector extension or a right is missing, it prints the SQL that an administrator must run. A start does the same, unless SEMBLANCE_AUTO_MIGRATE=false. With SEMBLANCE_ADMIN_DATABASE_URL it works as that role, gives the role of DATABASE_URL the rights on rows that serving takes, and makes the first space.',
    )
    .action(async () => {
      const config = loadGalleryConfig(env);
      const { applied } = await migrateStore(config).catch(explainHolder);
      for (const name of applied) print(`Applied ${name}`);
      print('The schema is up to date.');
      if (config.database.kind === 'server' && config.database.adminUrl !== undefined) await makeFirstSpace(config);
    });
}

/** A space has tables of its own: a server whose role may not make any finds the first one there. */
async function makeFirstSpace(config: Config): Promise<void> {
  const app = await openApp(config, { needsModel: false });
  try {
    const space = await app.store.activeSpace();
    print(
      space === undefined
        ? 'There is no embedding space yet, for the model is not available: run this again once it is.'
        : `The active embedding space is ${space.name}.`,
    );
  } finally {
    await app.close();
  }
}

/** The embedded database has one user; a server that holds it has migrated it at its start. */
function explainHolder(error: unknown): never {
  if (!(error instanceof DataFolderInUseError)) throw error;
  throw new ConfigurationError(
    `The data folder ${error.dataDir} is held by process ${error.pid}: stop it first, or restart it, for a start migrates too.`,
    { cause: error },
  );
}
