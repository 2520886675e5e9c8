import { SemblanceError } from '../../base/errors.js';
import type { Qrels } from '../../math/measures/judgements.js';
import { compareIds, toTrecId } from '../../math/measures/trec-id.js';
import type { Dataset, DatasetImage, LeftOut } from './dataset.js';

/** A file that looks like an image, as it lies below the folder of its data set. */
export interface ListedFile {
  /** To open it: bytes where its name is no UTF-8. */
  readonly path: string | Buffer;
  /** With forward slashes. */
  readonly relativePath: string;
}

const withoutClass = 'It lies in no class folder';

/** A folder per class; each image searches all others. */
export function leaveOneOut(name: string, files: readonly ListedFile[]): Dataset {
  const { images, leftOut } = labelled(files, '');
  const all = [...images.keys()];
  requireClasses(images, name);
  return {
    name,
    protocol: 'Leave-one-out: every image searches all others; relevant are those of its class.',
    images,
    gallery: all,
    queries: all,
    training: [],
    listed: undefined,
    leftOut,
  };
}

/** Two folders of class folders, one indexed and one asked. `prefixes` keep equal paths apart, as in train/cat/1.jpg. */
export function galleryAndQueries(
  name: string,
  parts: { readonly gallery: readonly ListedFile[]; readonly queries: readonly ListedFile[] },
  prefixes: { readonly gallery: string; readonly queries: string },
): Dataset {
  const gallery = labelled(parts.gallery, prefixes.gallery);
  const queries = labelled(parts.queries, prefixes.queries);
  requireClasses(gallery.images, `${name}, ${prefixes.gallery}`);
  requireClasses(queries.images, `${name}, ${prefixes.queries}`);
  const indexed = [...gallery.images.keys()];
  return {
    name,
    protocol: `The images of ${prefixes.gallery} are indexed, those of ${prefixes.queries} search them; relevant are those of the query's class.`,
    images: [...gallery.images, ...queries.images],
    gallery: indexed,
    queries: Array.from(queries.images.keys(), (index) => gallery.images.length + index),
    training: indexed,
    listed: undefined,
    leftOut: [...gallery.leftOut, ...queries.leftOut],
  };
}

/**
 * Judgements from a qrels file, whose ids are paths below the folder, as toTrecId writes them. With one folder every image
 * is indexed, and those that the file names as topics search all others.
 * @param queries files of a folder of their own
 */
export function fromQrels(
  name: string,
  qrels: Qrels,
  gallery: readonly ListedFile[],
  queries?: readonly ListedFile[],
): Dataset {
  const indexed = sorted(gallery.map((file) => imageOf(file, '')));
  const asked = queries === undefined ? indexed : sorted(queries.map((file) => imageOf(file, '')));
  const offset = queries === undefined ? 0 : indexed.length;
  const numbers = new Map(asked.map(({ id }, index) => [id, offset + index]));
  const topics: number[] = [];
  const leftOut: LeftOut[] = [];
  for (const topicId of qrels.topicIds()) {
    const number = numbers.get(topicId);
    if (number === undefined)
      leftOut.push({ file: topicId, reason: 'The qrels file judges it, but there is no such image' });
    else topics.push(number);
  }
  if (topics.length === 0) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      `No topic of the qrels file is the path of an image of ${name}: ${examples(qrels, asked)}`,
    );
  }
  const inBoth = queries === undefined ? ' A query is never its own result.' : '';
  return {
    name,
    protocol: `All ${indexed.length} images are indexed; the topics of the qrels file search them, and it says what is relevant.${inBoth}`,
    images: queries === undefined ? indexed : [...indexed, ...asked],
    gallery: [...indexed.keys()],
    queries: topics.sort((a, b) => a - b),
    training: [],
    listed: qrels,
    leftOut,
  };
}

function examples(qrels: Qrels, images: readonly DatasetImage[]): string {
  const [topic] = qrels.topicIds();
  return `a topic is ${topic ?? ''}, an image ${images[0]?.id ?? 'missing'}`;
}

function labelled(
  files: readonly ListedFile[],
  prefix: string,
): { readonly images: readonly DatasetImage[]; readonly leftOut: readonly LeftOut[] } {
  const images = sorted(files.map((file) => imageOf(file, prefix)));
  return {
    images: images.filter(({ className }) => className !== undefined),
    leftOut: images
      .filter(({ className }) => className === undefined)
      .map(({ id }) => ({ file: id, reason: withoutClass })),
  };
}

function imageOf({ path, relativePath }: ListedFile, prefix: string): DatasetImage {
  const slash = relativePath.indexOf('/');
  return {
    id: toTrecId(prefix === '' ? relativePath : `${prefix}/${relativePath}`),
    path,
    // The topmost folder: what lies deeper belongs to the class too.
    className: slash === -1 ? undefined : relativePath.slice(0, slash),
  };
}

/**
 * Ids descending, which is trec_eval's order of equal scores: an image that comes first wins a tie at the end of a result
 * list too.
 */
function sorted(images: readonly DatasetImage[]): readonly DatasetImage[] {
  return images.toSorted((a, b) => compareIds(b.id, a.id));
}

function requireClasses(images: readonly DatasetImage[], name: string): void {
  if (images.length > 0) return;
  throw new SemblanceError('BAD_USER_INPUT', `${name} holds no image in a class folder: expected <class>/<image>`);
}
