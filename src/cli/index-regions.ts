import type { Command } from 'commander';
import { noteFailures, print } from './output.js';
import { startStages } from './progress.js';
import { interruptedExitCode, runOnDatabase, type Environment } from './run.js';

export function registerIndexRegions(program: Command, env: Environment): void {
  program
    .command('index-regions')
    .summary('embed overlapping parts of the stored images, so that a part finds its image')
    .description(
      'Embeds nine overlapping parts of every stored image that has none in the space: --search-regions then finds an image by an object in it and says where. ' +
        'Run it again for images that were stored since, or where it was cut off: it goes on there. It works on the database itself, so the embedded one must not be held by a running server.',
    )
    .option('--space <name>', 'the space; the active one unless given')
    .action(async ({ space }: { readonly space?: string }) => {
      await runOnDatabase(env, { needsModel: true }, async ({ operations, signal }) => {
        const stages = startStages();
        const { indexed, failed, interrupted, ...answer } = await operations
          .indexRegions({ space, signal, onProgress: stages.report })
          .finally(stages.stop);
        await noteFailures(operations, failed);
        const sums = `Indexed the parts of ${indexed} images in the space ${answer.space}, failed ${failed.length}.`;
        print(interrupted ? `${sums} Interrupted: the same command goes on there.` : sums);
        if (failed.length > 0) process.exitCode = 1;
        if (interrupted) process.exitCode = interruptedExitCode;
      });
    });
}
