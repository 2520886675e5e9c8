import { expect, it } from 'vitest';
import { SemblanceError } from '../../../src/base/errors.js';
import { workOnPages, type WorkOnPages } from '../../../src/spaces/stored-images.js';

const ids = Array.from({ length: 64 }, (_, number) => `image-${number}`);
const full = new SemblanceError('STORAGE_FULL', 'The disk is full');

/** One page, of which the image 40 ends all. */
function worker(finish: (made: readonly string[]) => Promise<void>): WorkOnPages & { readonly made: string[] } {
  const made: string[] = [];
  return {
    made,
    next: (after) => Promise.resolve(after === undefined ? ids : []),
    work: (imageId) => {
      if (imageId === 'image-40') return Promise.reject(full);
      made.push(imageId);
      return Promise.resolve();
    },
    finishPage: () => finish(made),
    onImage: () => undefined,
    signal: undefined,
  };
}

it('keeps what was made of a page before an error that ends all', async () => {
  const kept: string[] = [];
  const work = worker((made) => {
    kept.push(...made);
    return Promise.resolve();
  });
  await expect(workOnPages(work)).rejects.toBe(full);
  expect(kept.length).toBeGreaterThanOrEqual(40);
  expect(kept).toEqual(work.made);
});

it('tells the error that ended all, also where what was made of the page cannot be kept', async () => {
  const work = worker(() => Promise.reject(new SemblanceError('MODEL_UNAVAILABLE', 'Another error')));
  await expect(workOnPages(work)).rejects.toBe(full);
});
