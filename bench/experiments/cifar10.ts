/**
 * CIFAR-10 as project (b) had it: 50,000 training images indexed, all 10,000 test images asked, top 100.
 *
 *   npm run experiment:cifar10
 *   npm run experiment:cifar10 -- --limit-gallery 2000 --limit-queries 500    # a trial, in a folder of its own
 *   npm run experiment:cifar10 -- --validation                                # no test image is read
 */
import { dataset } from '../support/data.js';
import { descriptions, learned, rerankers, runExperiment, spaces } from './experiments.js';

await runExperiment({
  name: 'cifar10',
  dataset: await dataset('cifar10'),
  methods: [...spaces, ...rerankers, ...learned],
  options: [
    ...['--hnsw', 'vit', '--depth', '100', '--candidates', '100'],
    ...['--measures', 'map_cut_100,map_cut_min_100,P_10,P_100,recall_100,ndcg_cut_100,recip_rank,success_1'],
  ],
  about: {
    title: 'CIFAR-10: 50,000 images indexed, 10,000 asked',
    descriptions,
    references: [
      {
        name: 'Project (b), Bag of Visual Words',
        source: 'with labels fused into the index: the true class there, the predicted one in the query',
        measures: { map_cut_100: 0.0019 },
      },
      {
        name: 'Project (b), VGG-16',
        source: 'fine-tuned on these labels, and with labels fused into the index',
        measures: { map_cut_100: 0.0088 },
      },
    ],
  },
});
