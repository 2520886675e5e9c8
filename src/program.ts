import { existsSync } from 'node:fs';
import { join } from 'node:path';
import 'reflect-metadata';
import { Command } from 'commander';
import { registerDoctor } from './cli/doctor.js';
import { registerEvaluate } from './cli/evaluate.js';
import { registerExport } from './cli/export.js';
import { registerImportArchive } from './cli/import-archive.js';
import { registerImport } from './cli/import.js';
import { registerIndexRegions } from './cli/index-regions.js';
import { registerKeys } from './cli/keys.js';
import { registerMethods } from './cli/methods.js';
import { registerMigrate } from './cli/migrate.js';
import { registerModels } from './cli/models.js';
import { registerReindex } from './cli/reindex.js';
import { registerSample } from './cli/sample.js';
import { registerSearch } from './cli/search.js';
import { registerServe } from './cli/serve.js';
import { registerSimilar } from './cli/similar.js';
import { registerSpaces } from './cli/spaces.js';
import { registerStats } from './cli/stats.js';
import { registerTrainScorer } from './cli/train-scorer.js';
import { packageRoot, packageVersion } from './paths.js';

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
