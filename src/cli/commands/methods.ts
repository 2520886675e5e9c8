import type { Command } from 'commander';
import { formatReranker } from '../../methods/notation.js';
import type { RerankerNeeds } from '../../methods/rerank/reranker.js';
import type { GalleryMethods } from '../gallery.js';
import { formatTable, print } from '../output.js';
import { runOnGallery, withServerOption, type Environment, type GalleryOptions } from '../run.js';

export function registerMethods(program: Command, env: Environment): void {
  const command = program
    .command('methods')
    .summary('list the spaces and re-rankers that a search may name')
    .description(
      'Lists the spaces of the gallery and the re-rankers with what each needs. docs/methods.md says what they do, and `semblance evaluate` which is best on your images.',
    )
    .option('--json', 'print JSON instead of tables', false);
  withServerOption(command).action(async (options: GalleryOptions & { readonly json: boolean }) => {
    await runOnGallery(env, { ...options, needsModel: false }, async ({ gallery }) => {
      const methods = await gallery.methods();
      if (options.json) print(JSON.stringify(methods, undefined, 2));
      else print(`${formatSpaces(methods.spaces)}\n\n${formatRerankers(methods.rerankers)}`);
    });
  });
}

export function formatSpaces(spaces: GalleryMethods['spaces']): string {
  const rows = spaces.map(({ name, description, state, dimensions, imageCount, regionCount, scorers }) => [
    name,
    state,
    description,
    String(dimensions),
    String(imageCount),
    String(regionCount),
    scorers.length === 0 ? '–' : scorers.join(', '),
  ]);
  const heading = ['space', 'state', 'method', 'dimensions', 'images', 'regions', 'scorers'];
  return formatTable([heading, ...rows], [3, 4, 5]);
}

function formatRerankers(rerankers: GalleryMethods['rerankers']): string {
  const rows = rerankers.map(({ name, needs, description }) => [
    formatReranker(name),
    describeNeeds(needs),
    description,
  ]);
  return formatTable([['re-ranker', 'needs', 'score'], ...rows]);
}

function describeNeeds({ grey, scorer }: RerankerNeeds): string {
  if (scorer !== undefined) return `train-scorer --kind ${scorer}`;
  return grey ? 'grey renditions' : '–';
}
