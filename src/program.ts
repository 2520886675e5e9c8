import { existsSync } from 'node:fs';
import { join } from 'node:path';
import 'reflect-metadata';
import { Command } from 'commander';
import { registerDoctor } from './cli/commands/doctor.js';
import { registerEvaluate } from './cli/commands/evaluate.js';
import { registerExport } from './cli/commands/export.js';
import { registerImportArchive } from './cli/commands/import-archive.js';
import { registerImport } from './cli/commands/import.js';
import { registerIndexRegions } from './cli/spaces/index-regions.js';
import { registerKeys } from './cli/commands/keys.js';
import { registerMethods } from './cli/commands/methods.js';
import { registerMigrate } from './cli/commands/migrate.js';
import { registerModels } from './cli/models/models.js';
import { registerReindex } from './cli/spaces/reindex.js';
import { registerSample } from './cli/commands/sample.js';
import { registerSearch } from './cli/commands/search.js';
import { registerServe } from './cli/commands/serve.js';
import { registerSimilar } from './cli/commands/similar.js';
import { registerSpaces } from './cli/spaces/spaces.js';
import { registerStats } from './cli/commands/stats.js';
import { registerTrainScorer } from './cli/spaces/train-scorer.js';
import { packageRoot, packageVersion } from './base/paths.js';

/** Runs the command that the process was started with. */
export async function runProgram(): Promise<void> {
  const program = new Command('semblance')
    .description('Visual search on Postgres: stores images with their embeddings and finds those that look alike.')
    .version(packageVersion)
    .showHelpAfterError('Run it with --help to see what it takes.');

  registerServe(program, process.env);
  for (const register of [
    registerSample,
    registerImport,
    registerSearch,
    registerSimilar,
    registerMethods,
    registerSpaces,
    registerTrainScorer,
    registerIndexRegions,
    registerEvaluate,
    registerStats,
    registerKeys,
    registerDoctor,
    registerMigrate,
    registerExport,
    registerImportArchive,
    registerReindex,
    registerModels,
  ]) {
    register(program, process.env);
  }

  // Slim containers have no fontconfig; libvips then complains on stderr at the first text of a contact sheet.
  if (process.platform === 'linux' && !existsSync('/etc/fonts/fonts.conf')) {
    process.env['FONTCONFIG_FILE'] ??= join(packageRoot, 'assets', 'fonts.conf');
  }

  await program.parseAsync();
}
