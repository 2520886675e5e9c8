import type { Command } from 'commander';
import { noteFailures, print } from '../output.js';
import { startStages } from '../progress.js';
import { interruptedExitCode, runOnSpaces, withServerOption, type Environment, type GalleryOptions } from '../run.js';

export function registerIndexRegions(program: Command, env: Environment): void {
  const command = program
    .command('index-regions')
    .summary('embed overlapping parts of the stored images, so that a part finds its image')
    .description(
      'Embeds nine overlapping parts of every stored image that has none in the space: --search-regions then finds an image by an object in it and says where. ' +
        'Run it again for images that were stored since, or where it was cut off: it goes on there.',
    )
    .option('--space <name>', 'the space; the active one unless given')
    .action(async ({ space, server }: GalleryOptions & { readonly space?: string }) => {
      await runOnSpaces(env, { server, needsModel: true }, async ({ door, signal }) => {
        const stages = startStages();
        const answer = await door.indexRegions({ space, signal, onProgress: stages.report }).finally(stages.stop);
        const { indexed, failedCount, interrupted } = answer;
        await noteFailures(door, answer);
        const sums = `Indexed the parts of ${indexed} images in the space ${answer.space}, failed ${failedCount}.`;
        print(interrupted ? `${sums} Interrupted: the same command goes on there.` : sums);
        if (failedCount > 0) process.exitCode = 1;
        if (interrupted) process.exitCode = interruptedExitCode;
      });
    });
  withServerOption(command);
}
