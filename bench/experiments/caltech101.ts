/**
 * Caltech-101 (51 classes of 30 images), leave-one-out, as project (c) had it: re-rankers order the whole gallery. First
 * all classes; then learned similarities, trained on half of the classes, beside all other methods on the other half.
 *
 *   npm run experiment:caltech101
 */
import { dataset } from '../support/data.js';
import { descriptions, learned, rerankers, runExperiment, spaces } from './experiments.js';

const folder = await dataset('caltech101');
const options = [
  ...['--depth', '100', '--candidates', 'all'],
  ...['--measures', 'map_cut_30,map_cut_10,P_10,P_30,recall_30,ndcg_cut_30,recip_rank,success_1'],
];

await runExperiment({
  name: 'caltech101',
  dataset: folder,
  methods: [...spaces, ...rerankers],
  options,
  about: { title: 'Caltech-101, 51 classes: each of 1,530 images searches all others', descriptions },
});
await runExperiment({
  name: 'caltech101-split',
  dataset: folder,
  methods: [...spaces, ...rerankers, ...learned],
  options: [...options, '--split-classes'],
  about: { title: 'Caltech-101: learned similarities on classes that they never saw', descriptions },
});
