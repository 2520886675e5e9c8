import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { vi } from 'vitest';
import { registerIndexRegions } from '../../src/cli/spaces/index-regions.js';
import { registerMethods } from '../../src/cli/commands/methods.js';
import { registerSearch } from '../../src/cli/commands/search.js';
import { registerSimilar } from '../../src/cli/commands/similar.js';
import { registerSpaces } from '../../src/cli/spaces/spaces.js';
import { registerTrainScorer } from '../../src/cli/spaces/train-scorer.js';
import { ConfigurationError, messageOf, SemblanceError } from '../../src/base/errors.js';
import { makeFolder, type FinishedRun, type RunOptions } from './server.js';
import { smallModel } from './small-model.js';

/**
 * Runs a command about methods as runProgram does, in this process: to start the program takes as long as what most commands do.
 * Relative paths are those of this process.
 */
export async function runCommand(
  args: readonly string[],
  { folder: given, store, env }: Pick<RunOptions, 'folder' | 'store' | 'env'> = {},
): Promise<FinishedRun> {
  const folder = given ?? (await makeFolder());
  await mkdir(join(folder, 'tmp'), { recursive: true });
  const program = new Command('semblance').showHelpAfterError('Run it with --help to see what it takes.');
  const environment = {
    SEMBLANCE_DATA_DIR: join(folder, 'data'),
    SEMBLANCE_MODEL: smallModel,
    ...store?.environment(),
    ...env,
  };
  for (const register of [
    registerIndexRegions,
    registerMethods,
    registerSearch,
    registerSimilar,
    registerSpaces,
    registerTrainScorer,
  ]) {
    register(program, environment);
  }
  throwInsteadOfExit(program);

  let stdout = '';
  let output = '';
  const collect = (text: string | Uint8Array, isStdout: boolean): boolean => {
    output += String(text);
    if (isStdout) stdout += String(text);
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => collect(text, true)),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => collect(text, false)),
  ];
  const onWarning = (warning: Error): void => {
    output += `Warning: ${warning.message}\n`;
  };
  process.on('warning', onWarning);
  const formerCode = process.exitCode;
  process.exitCode = undefined;
  try {
    await program.parseAsync(args, { from: 'user' });
    return { code: exitCode(), signal: null, folder, stdout, output };
  } catch (error) {
    if (error instanceof CommanderError) return { code: error.exitCode, signal: null, folder, stdout, output };
    if (!(error instanceof ConfigurationError || error instanceof SemblanceError)) throw error;
    return { code: 1, signal: null, folder, stdout, output: `${output}${messageOf(error)}\n` };
  } finally {
    process.exitCode = formerCode;
    process.off('warning', onWarning);
    for (const spy of spies) spy.mockRestore();
  }
}

function exitCode(): number {
  return Number(process.exitCode ?? 0);
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const nested of command.commands) throwInsteadOfExit(nested);
}
