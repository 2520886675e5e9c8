import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { classesOf, judge, withoutUnreadable, type Dataset } from '../../../../src/evaluate/datasets/dataset.js';
import { drawDataset } from '../../../../src/evaluate/datasets/draw.js';
import {
  fromQrels,
  galleryAndQueries,
  leaveOneOut,
  type ListedFile,
} from '../../../../src/evaluate/datasets/from-files.js';
import { readQrels } from '../../../../src/evaluate/trec/qrels-file.js';

const files = (...paths: readonly string[]): readonly ListedFile[] =>
  paths.map((relativePath) => ({ path: `/data/${relativePath}`, relativePath }));

/** `images` of each of `classes`: c0/00.jpg, c0/01.jpg, … */
const grid = (classes: number, images: number): readonly ListedFile[] =>
  files(
    ...Array.from({ length: classes * images }, (_, i) => {
      return `c${Math.floor(i / images)}/${String(i % images).padStart(2, '0')}.jpg`;
    }),
  );

const idsOf = ({ images }: Dataset, indices: readonly number[]): readonly string[] =>
  indices.map((index) => images[index]?.id ?? '');

const countByClass = (dataset: Dataset, indices: readonly number[]): readonly number[] =>
  classesOf(dataset, indices).map(
    (name) => indices.filter((index) => dataset.images[index]?.className === name).length,
  );

describe('a folder per class', () => {
  it('indexes and asks every image, ids last first, the topmost folder its class', () => {
    const dataset = leaveOneOut('pets', files('cat/a.jpg', 'cat/young/b c.jpg', 'dog/d#1.jpg'));
    expect(idsOf(dataset, dataset.gallery)).toEqual(['dog/d%231.jpg', 'cat/young/b%20c.jpg', 'cat/a.jpg']);
    expect(dataset.queries).toEqual(dataset.gallery);
    expect(classesOf(dataset, dataset.queries)).toEqual(['cat', 'dog']);
    expect(dataset.images[1]?.path).toBe('/data/cat/young/b c.jpg');
  });

  it('judges by class, the query itself left out, and names queries that no other image is relevant to', () => {
    const { qrels, withoutRelevant } = judge(leaveOneOut('pets', files('cat/a.jpg', 'cat/b.jpg', 'dog/c.jpg')));
    expect([...qrels.topicIds()]).toEqual(['cat/b.jpg', 'cat/a.jpg']);
    expect([...(qrels.topic('cat/a.jpg')?.judgements() ?? [])]).toEqual([{ documentId: 'cat/b.jpg', relevance: 1 }]);
    expect(withoutRelevant).toEqual(['dog/c.jpg']);
  });

  it('leaves out what lies in no class, and refuses a folder without any', () => {
    const dataset = leaveOneOut('pets', files('readme.png', 'cat/a.jpg'));
    expect(dataset.leftOut).toEqual([{ file: 'readme.png', reason: 'It lies in no class folder' }]);
    expect(dataset.gallery).toHaveLength(1);
    expect(() => leaveOneOut('pets', files('a.jpg', 'b.jpg'))).toThrow(
      'pets holds no image in a class folder: expected <class>/<image>',
    );
  });

  it('goes on without images that cannot be read, whatever their part', () => {
    const dataset = leaveOneOut('pets', files('cat/a.jpg', 'cat/b.jpg', 'cat/c.jpg'));
    const readable = withoutUnreadable(dataset, new Map([[1, 'It is broken']]));
    expect(idsOf(readable, readable.gallery)).toEqual(['cat/c.jpg', 'cat/a.jpg']);
    expect(readable.queries).toEqual(readable.gallery);
    expect(readable.leftOut).toEqual([{ file: 'cat/b.jpg', reason: 'It is broken' }]);
    expect(judge(readable).qrels.topic('cat/a.jpg')?.levelCounts).toEqual([0, 1]);
  });
});

describe('two folders', () => {
  it('tells equal paths apart and trains on the gallery', () => {
    const dataset = galleryAndQueries(
      'pets',
      { gallery: files('cat/1.jpg', 'dog/1.jpg'), queries: files('cat/1.jpg') },
      { gallery: 'train', queries: 'test' },
    );
    expect(idsOf(dataset, dataset.gallery)).toEqual(['train/dog/1.jpg', 'train/cat/1.jpg']);
    expect(idsOf(dataset, dataset.queries)).toEqual(['test/cat/1.jpg']);
    expect(dataset.training).toEqual(dataset.gallery);
    const { qrels } = judge(dataset);
    expect([...(qrels.topic('test/cat/1.jpg')?.judgements() ?? [])]).toEqual([
      { documentId: 'train/cat/1.jpg', relevance: 1 },
    ]);
  });
});

describe('a qrels file', () => {
  const read = (text: string) => readQrels(Readable.from([text]));

  it('names queries among the images, and lists topics without one', async () => {
    const qrels = await read('a.jpg 0 b.jpg 2\na.jpg 0 c.jpg 0\nlost.jpg 0 b.jpg 1\n');
    const dataset = fromQrels('holidays', qrels, files('a.jpg', 'b.jpg', 'c.jpg'));
    expect(idsOf(dataset, dataset.gallery)).toEqual(['c.jpg', 'b.jpg', 'a.jpg']);
    expect(idsOf(dataset, dataset.queries)).toEqual(['a.jpg']);
    expect(dataset.leftOut).toEqual([
      { file: 'lost.jpg', reason: 'The qrels file judges it, but there is no such image' },
    ]);
    expect(judge(dataset).qrels).toBe(qrels);
  });

  it('counts a query that is judged without a relevant image', async () => {
    const dataset = fromQrels('holidays', await read('a.jpg 0 b.jpg 0\nb.jpg 0 a.jpg 1\n'), files('a.jpg', 'b.jpg'));
    expect(judge(dataset).withoutRelevant).toEqual(['a.jpg']);
  });

  it('takes queries from a folder of their own', async () => {
    const dataset = fromQrels('two', await read('q.jpg 0 q.jpg 1\n'), files('q.jpg'), files('q.jpg'));
    expect(dataset.gallery).toEqual([0]);
    expect(dataset.queries).toEqual([1]);
  });

  it('says what a topic and an image look like where none fits', async () => {
    const qrels = await read('100 0 200 1\n');
    expect(() => fromQrels('holidays', qrels, files('100.jpg'))).toThrow(
      'No topic of the qrels file is the path of an image of holidays: a topic is 100, an image 100.jpg',
    );
  });

  it('has no classes to draw from', async () => {
    const dataset = fromQrels('holidays', await read('a.jpg 0 b.jpg 1\n'), files('a.jpg', 'b.jpg'));
    expect(() => drawDataset(dataset, { seed: 1, splitClasses: true })).toThrow('splitClasses needs classes');
    expect(drawDataset(dataset, { seed: 1, limitQueries: 5 })).toBe(dataset);
  });
});

describe('drawing', () => {
  const split = (gallery: number, queries: number): Dataset =>
    galleryAndQueries(
      'grid',
      { gallery: grid(4, gallery), queries: grid(4, queries) },
      { gallery: 'train', queries: 'test' },
    );

  it('limits evenly over the classes, by the seed, and says so', () => {
    const dataset = split(10, 5);
    const drawn = drawDataset(dataset, { seed: 3, limitGallery: 10, limitQueries: 6 });
    expect(countByClass(drawn, drawn.gallery)).toEqual([3, 3, 2, 2]);
    expect(countByClass(drawn, drawn.queries)).toEqual([2, 2, 1, 1]);
    expect(drawn.training).toEqual(drawn.gallery);
    expect(drawn.protocol).toContain('Of 40 images 10 are indexed, evenly over the classes.');
    expect(drawn.protocol).toContain('Of 20 queries 6 are asked, evenly over the classes.');
    expect(drawDataset(dataset, { seed: 3, limitGallery: 10 }).gallery).toEqual(drawn.gallery);
    expect(drawDataset(dataset, { seed: 4, limitGallery: 10 }).gallery).not.toEqual(drawn.gallery);
  });

  it('limits a gallery that asks itself together with its queries', () => {
    const drawn = drawDataset(leaveOneOut('grid', grid(4, 10)), { seed: 3, limitGallery: 8 });
    expect(drawn.queries).toEqual(drawn.gallery);
    expect(countByClass(drawn, drawn.gallery)).toEqual([2, 2, 2, 2]);
  });

  it('splits classes so that none is both trained on and judged', () => {
    const drawn = drawDataset(leaveOneOut('grid', grid(7, 4)), { seed: 3, splitClasses: true });
    const [judged, trained] = [classesOf(drawn, drawn.gallery), classesOf(drawn, drawn.training)];
    expect([judged.length, trained.length]).toEqual([4, 3]);
    expect(new Set([...judged, ...trained]).size).toBe(7);
    expect(drawn.queries).toEqual(drawn.gallery);
    expect(() => drawDataset(leaveOneOut('grid', grid(3, 4)), { seed: 3, splitClasses: true })).toThrow(
      'Half of the classes must be two at least; grid has 3',
    );
  });

  it('validates on the last tenth of the training images of each class, and on no other', () => {
    const drawn = drawDataset(split(20, 5), { seed: 3, validation: true });
    expect(idsOf(drawn, drawn.queries).toSorted()).toEqual(
      [0, 1, 2, 3].flatMap((name) => [`train/c${name}/18.jpg`, `train/c${name}/19.jpg`]),
    );
    expect(drawn.gallery).toHaveLength(72);
    expect([...drawn.gallery, ...drawn.queries].every((image) => image < 80)).toBe(true);
    expect(() => drawDataset(leaveOneOut('grid', grid(4, 10)), { seed: 3, validation: true })).toThrow(
      'There are no training images to validate on',
    );
  });

  it('validates within the classes that are trained on', () => {
    const options = { seed: 3, splitClasses: true, validation: true };
    const dataset = leaveOneOut('grid', grid(6, 10));
    const reported = drawDataset(dataset, { ...options, validation: false });
    const drawn = drawDataset(dataset, options);
    const judged = new Set(reported.gallery);
    expect(drawn.queries).toHaveLength(3);
    expect([...drawn.gallery, ...drawn.queries].some((image) => judged.has(image))).toBe(false);
  });
});
