import type { Command } from 'commander';
import { formatAnswer, formatAnswerJson, note, print, writeSheet } from '../output.js';
import { runOnGallery, withServerOption, type Environment } from '../run.js';
import { searchOf, withSearchOptions, type SearchCommandOptions } from './search.js';

export function registerSimilar(program: Command, env: Environment): void {
  const command = program
    .command('similar')
    .summary('find the stored images that look like a stored one')
    .description(
      'Finds the stored images nearest to a stored one, itself left out. It needs no model, for the embedding is stored; only --region embeds anew.',
    )
    .argument('<id>', "the image's id");
  withServerOption(withSearchOptions(command)).action(async (imageId: string, options: SearchCommandOptions) => {
    await runOnGallery(env, { ...options, needsModel: options.region !== undefined }, async ({ gallery }) => {
      const answer = await gallery.similar({ imageId, ...searchOf(options) });
      print(options.json ? formatAnswerJson(answer) : formatAnswer(answer));
      if (options.out === undefined) return;
      const [image, bytes] = await Promise.all([gallery.findImage(imageId), gallery.readThumbnail(imageId)]);
      const query = { bytes, filename: image?.filename ?? imageId, region: options.region };
      note(`Contact sheet: ${await writeSheet(options.out, gallery, query, answer)}`);
    });
  });
}
