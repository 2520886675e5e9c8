import type { Command } from 'commander';
import { formatBytes, formatTable, print } from '../output.js';
import { runOnGallery, withServerOption, type Environment, type GalleryOptions } from '../run.js';

export function registerStats(program: Command, env: Environment): void {
  const command = program
    .command('stats')
    .summary('tell what the gallery holds')
    .description(
      'Prints the number of images, the embedding space and model that searches use, and where everything lies.',
    )
    .option('--json', 'print JSON instead of a table', false);
  withServerOption(command).action(async (options: GalleryOptions & { readonly json: boolean }) => {
    await runOnGallery(env, { ...options, needsModel: false }, async ({ gallery }) => {
      const stats = await gallery.stats();
      if (options.json) {
        print(JSON.stringify({ ...stats, place: gallery.place }, undefined, 2));
        return;
      }
      const rows = [
        ['images', String(stats.imageCount)],
        ['space', stats.activeSpace],
        ['model', `${stats.model}, ${stats.dimensions} dimensions`],
        ['store', `${stats.store}, ${gallery.place}`],
        ...(stats.sizeBytes === undefined ? [] : [['size', formatBytes(stats.sizeBytes)]]),
      ];
      print(formatTable(rows));
    });
  });
}
