/**
 * What searching in parts of pictures finds: scenes of two pictures of Caltech-101 on a third one, searched with other
 * pictures of the two. Grids of parts are compared on scenes of some classes; the report is on scenes of other classes.
 *
 *   npm run experiment:regions
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { bootstrapDifferences, bootstrapMean, type Interval } from '../../src/math/bootstrap.js';
import type { Region } from '../../src/pixels/region.js';
import { Random } from '../../src/math/random.js';
import { regionsOf } from '../../src/search/regions.js';
import { dot } from '../../src/math/vector.js';
import { dataset, imagesBelow } from '../support/data.js';
import { mapFew, openPictureEmbedder, wholePicture } from '../support/embed-pictures.js';
import { bundledModels, experimentFolder, seed } from './experiments.js';

export interface GridOutcome {
  readonly grid: string;
  /** Vectors of a picture beside that of the whole. */
  readonly parts: number;
  readonly precisionAt10: Interval;
  /** The same, less that of whole pictures alone; paired by query. */
  readonly overWhole: Interval;
  readonly first: Interval;
}

export interface RegionsResult {
  readonly scenes: number;
  readonly classes: number;
  readonly queries: number;
  readonly models: readonly {
    readonly model: string;
    /** The outcomes on the classes that grids may be chosen by. */
    readonly chosenBy: readonly GridOutcome[];
    /** The outcomes on other classes. */
    readonly reported: readonly GridOutcome[];
  }[];
}

const [width, height] = [640, 480];
const scenesOfASet = 300;
const classesOfASet = 20;
/** The first of the 30 pictures of a class stand in scenes, and the others are queries. */
const picturesInScenes = 20;
const queriesOfAClass = 10;

/** Boxes of a size at regular offsets, as many a side as told. */
function boxes(size: number, aSide: number): readonly Region[] {
  const offsets = Array.from({ length: aSide }, (_, i) => (i * (1 - size)) / (aSide - 1));
  return offsets.flatMap((y) => offsets.map((x) => ({ x, y, width: size, height: size })));
}

const grids: Readonly<Record<string, readonly Region[]>> = {
  'whole pictures alone': [],
  '4 quarters': boxes(1 / 2, 2),
  '9 halves, overlapping (served)': regionsOf(),
  '9 thirds': boxes(1 / 3, 3),
  '25 thirds, overlapping': boxes(1 / 3, 5),
  '9 halves and 9 thirds': [...regionsOf(), ...boxes(1 / 3, 3)],
  '9 halves and 25 thirds': [...regionsOf(), ...boxes(1 / 3, 5)],
};
const keyOf = ({ x, y, width: wide }: Region): string => [x, y, wide].map((value) => value.toFixed(4)).join(' ');
const allRegions = [
  ...new Map([wholePicture, ...Object.values(grids).flat()].map((each) => [keyOf(each), each])).values(),
];

interface Scene {
  readonly classes: readonly string[];
  readonly picture: Buffer;
}

interface SceneSet {
  readonly scenes: readonly Scene[];
  readonly queries: readonly { readonly of: string; readonly file: string }[];
}

const files = await imagesBelow(await dataset('caltech101'));
const byClass = new Map<string, string[]>();
for (const file of files) {
  const of = basename(dirname(file));
  byClass.set(of, [...(byClass.get(of) ?? []), file]);
}
const random = new Random(seed);
const names = random.shuffle([...byClass.keys()]);
const backgrounds = names.slice(2 * classesOfASet).flatMap((name) => byClass.get(name)!);
const chosenBy = await makeSet(names.slice(0, classesOfASet));
const reported = await makeSet(names.slice(classesOfASet, 2 * classesOfASet));

const models = [];
for (const model of bundledModels) {
  console.error(model);
  models.push({ model, chosenBy: await judge(model, chosenBy), reported: await judge(model, reported) });
}
const result: RegionsResult = {
  scenes: scenesOfASet,
  classes: classesOfASet,
  queries: reported.queries.length,
  models,
};
const out = experimentFolder('regions');
await mkdir(out, { recursive: true });
await writeFile(join(out, 'result.json'), JSON.stringify(result, undefined, 1));

async function makeSet(classes: readonly string[]): Promise<SceneSet> {
  const scenes: Scene[] = [];
  for (let i = 0; i < scenesOfASet; i++) {
    // All classes stand in equally many scenes, as good as.
    const first = classes[i % classes.length]!;
    const second = pick(classes.filter((each) => each !== first));
    scenes.push({ classes: [first, second], picture: await compose([first, second]) });
  }
  const queries = classes.flatMap((of) =>
    byClass
      .get(of)!
      .slice(picturesInScenes, picturesInScenes + queriesOfAClass)
      .map((file) => ({ of, file })),
  );
  return { scenes, queries };
}

/** Both pictures whole on a background, a quarter to half as wide, nowhere over each other. */
async function compose(classes: readonly [string, string]): Promise<Buffer> {
  for (;;) {
    const [a, b] = [await place(classes[0]), await place(classes[1])];
    const apart =
      a.left + a.width <= b.left ||
      b.left + b.width <= a.left ||
      a.top + a.height <= b.top ||
      b.top + b.height <= a.top;
    if (!apart) continue;
    return sharp(await readFile(pick(backgrounds)))
      .resize(width, height, { fit: 'cover' })
      .toColourspace('srgb')
      .composite([a, b].map(({ input, left, top }) => ({ input, left, top })))
      .jpeg({ quality: 90 })
      .toBuffer();
  }
}

async function place(of: string) {
  const wide = Math.round(width * (0.25 + 0.25 * random.next()));
  const { data: input, info } = await sharp(await readFile(pick(byClass.get(of)!.slice(0, picturesInScenes))))
    .resize({ width: wide, height: Math.round(height / 2), fit: 'inside' })
    .toBuffer({ resolveWithObject: true });
  return {
    input,
    width: info.width,
    height: info.height,
    left: random.integer(width - info.width),
    top: random.integer(height - info.height),
  };
}

async function judge(model: string, { scenes, queries }: SceneSet): Promise<readonly GridOutcome[]> {
  const embedder = await openPictureEmbedder(model);
  const vectors = await mapFew(scenes, ({ picture }) => embedder.embed(picture, allRegions));
  const asked = await mapFew(queries, async ({ file }) => (await embedder.embed(await readFile(file)))[0]!);
  await embedder.close();
  const at = new Map(allRegions.map((region, index) => [keyOf(region), index]));
  const judged = Object.entries(grids).map(([grid, parts]) => {
    const compared = [wholePicture, ...parts].map((region) => at.get(keyOf(region))!);
    const topics = queries.map(({ of }, query) => {
      const scored = scenes.map((scene, index) => ({
        isRelevant: scene.classes.includes(of),
        // As searchRegions does: an image is as similar as its best part.
        similarity: Math.max(...compared.map((part) => dot(asked[query]!, vectors[index]![part]!))),
      }));
      const best = scored.sort((a, b) => b.similarity - a.similarity).slice(0, 10);
      return {
        precision: best.filter(({ isRelevant }) => isRelevant).length / 10,
        first: best[0]!.isRelevant ? 1 : 0,
      };
    });
    return { grid, parts: parts.length, topics };
  });
  const whole = judged[0]!.topics.map(({ precision }) => precision);
  return judged.map(({ grid, parts, topics }) => {
    const precision = topics.map((topic) => topic.precision);
    return {
      grid,
      parts,
      precisionAt10: bootstrapMean(precision, { seed }),
      overWhole: bootstrapDifferences([precision], [whole], { seed })[0]!,
      first: bootstrapMean(
        topics.map((topic) => topic.first),
        { seed },
      ),
    };
  });
}

function pick<T>(items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}
