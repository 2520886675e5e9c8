import { classQrels } from './class-qrels.js';
import type { Qrels } from '../../math/measures/judgements.js';

export interface DatasetImage {
  /** In run and qrels files: its path below the data set's folder, as toTrecId writes it. */
  readonly id: string;
  /** To open it: bytes where its name is no UTF-8. */
  readonly path: string | Buffer;
  readonly className: string | undefined;
}

export interface LeftOut {
  readonly file: string;
  readonly reason: string;
}

/** What is indexed, what is asked and what counts as relevant. Lists hold indices into `images`. */
export interface Dataset {
  readonly name: string;
  /** One sentence for the reader of the report. */
  readonly protocol: string;
  readonly images: readonly DatasetImage[];
  readonly gallery: readonly number[];
  /** One that stands in `gallery` too is never its own result. */
  readonly queries: readonly number[];
  /** What learned similarities are trained on; empty where every labelled image is asked. */
  readonly training: readonly number[];
  /** Undefined: relevant are the images of the query's class. */
  readonly listed: Qrels | undefined;
  /** Listed beside the images that turn out unreadable. */
  readonly leftOut: readonly LeftOut[];
}

export interface Judged {
  readonly qrels: Qrels;
  /** Ids of queries that no image is relevant to; in no mean. */
  readonly withoutRelevant: readonly string[];
}

/** The data set without images that could not be read, whatever their part in it. */
export function withoutUnreadable(dataset: Dataset, reasons: ReadonlyMap<number, string>): Dataset {
  if (reasons.size === 0) return dataset;
  const readable = (image: number): boolean => !reasons.has(image);
  const leftOut = Array.from(reasons, ([image, reason]) => ({ file: dataset.images[image]!.id, reason }));
  return {
    ...dataset,
    gallery: dataset.gallery.filter(readable),
    queries: dataset.queries.filter(readable),
    training: dataset.training.filter(readable),
    leftOut: [...dataset.leftOut, ...leftOut.sort((a, b) => (a.file < b.file ? -1 : 1))],
  };
}

export function judge(dataset: Dataset): Judged {
  const { images, gallery, queries, listed } = dataset;
  if (listed !== undefined) {
    const withoutRelevant = queries
      .map((query) => images[query]!.id)
      .filter((id) => listed.topic(id)?.levelCounts.every((count, level) => level === 0 || count === 0) ?? true);
    return { qrels: listed, withoutRelevant };
  }
  const classes = (indices: readonly number[]): ReadonlyMap<string, string> =>
    new Map(
      indices.flatMap((index) => {
        const { id, className } = images[index]!;
        return className === undefined ? [] : [[id, className] as const];
      }),
    );
  const qrels = classQrels(classes(queries), classes(gallery));
  return { qrels, withoutRelevant: qrels.withoutRelevant };
}

/** Classes of the images that are asked, sorted. */
export function classesOf({ images }: Dataset, indices: readonly number[]): readonly string[] {
  const names = new Set<string>();
  for (const index of indices) {
    const { className } = images[index]!;
    if (className !== undefined) names.add(className);
  }
  return [...names].sort();
}
