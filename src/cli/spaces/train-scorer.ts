import { Option, type Command } from 'commander';
import { maxScorerEpochs } from '../../base/limits.js';
import { formatReranker } from '../../methods/notation.js';
import type { ScorerKind } from '../../database/store.js';
import { parseSeed } from '../method-options.js';
import { print } from '../output.js';
import { startStages } from '../progress.js';
import {
  interruptedExitCode,
  parseInteger,
  runOnSpaces,
  withServerOption,
  type Environment,
  type GalleryOptions,
} from '../run.js';

interface TrainOptions extends GalleryOptions {
  readonly space?: string;
  readonly kind: ScorerKind;
  readonly seed: number;
  readonly epochs: number;
}

export function registerTrainScorer(program: Command, env: Environment): void {
  const command = program
    .command('train-scorer')
    .summary('train a learned similarity on the labelled images of a space')
    .description(
      'Trains a small network that scores two embeddings, on easy and hard pairs of the stored images that have metadata.label, and stores it with the space in place of a former one of its kind. ' +
        'learned-heuristic and learned-labels then use it, in this space alone.',
    )
    .addOption(
      new Option(
        '--kind <kind>',
        'heuristic: learns SSIM and distance; labels: learns whether two images share their label',
      )
        .choices(['heuristic', 'labels'] satisfies ScorerKind[])
        .makeOptionMandatory(),
    )
    .option('--space <name>', 'the space; the active one unless given')
    .option('--seed <n>', 'decides the pairs and the first weights', parseSeed, 1)
    .option('--epochs <n>', 'passes over the pairs', (text) => parseInteger(text, 1, maxScorerEpochs), 5)
    .action(async ({ space, kind, seed, epochs, server }: TrainOptions) => {
      // It starts from stored embeddings.
      await runOnSpaces(env, { server, needsModel: false }, async ({ door, signal }) => {
        const stages = startStages();
        let trained;
        try {
          trained = await door.trainScorer({ space, kind, seed, epochs, signal, onProgress: stages.report });
        } catch (error) {
          if (!signal.aborted) throw error;
          stages.stop();
          print('Interrupted: nothing was stored. The same command begins anew.');
          process.exitCode = interruptedExitCode;
          return;
        } finally {
          stages.stop();
        }
        const reranker = formatReranker(kind === 'heuristic' ? 'LEARNED_HEURISTIC' : 'LEARNED_LABELS');
        print(
          `Trained on ${trained.images} images of ${trained.classes} classes and stored with the space ${trained.space}: --rerank ${reranker}`,
        );
      });
    });
  withServerOption(command);
}
