import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImageFilter } from '../../../src/database/types.js';
import { testStoreKinds } from '../../support/database.js';
import { newImage, openTestStore, type TestStore } from '../../support/store.js';

const names = ['Strand.png', 'STRAND_2.png', 'berg_1%.png', 'Äpfel.png', 'berg11.png'];

describe.each(testStoreKinds())('lists on the %s store', (kind) => {
  let opened: TestStore;
  let ids: string[];
  beforeAll(async () => {
    opened = await openTestStore(kind);
    ids = [];
    for (const [index, filename] of names.entries()) {
      const metadata = { set: index % 2 === 0 ? 'even' : 'odd', tags: ['t', `t${index}`], nested: { index } };
      const image = newImage(opened.space.id, filename, { filename, metadata });
      ids.push((await opened.store.insertImage(image)).image.id);
    }
    // The first three came in the same millisecond, a second apart from each of the others.
    for (const [index, id] of ids.entries()) {
      await opened.database.pool.query(`UPDATE ${opened.name('image')} SET created_at = $2 WHERE id = $1`, [
        id,
        new Date(Date.UTC(2026, 0, 1, 0, 0, Math.max(0, index - 2), 123)),
      ]);
    }
  });
  afterAll(async () => opened.close());

  const namesOf = async (filter: ImageFilter) => {
    const page = await opened.store.listImages({ first: 100, filter });
    expect(await opened.store.countImages(filter)).toBe(page.edges.length);
    return page.edges.map(({ node }) => node.filename).sort();
  };

  test('newest first, equal times by id, whatever the page size', async () => {
    const sameTime = ids.slice(0, 3).sort().reverse();
    const expected = [ids[4], ids[3], ...sameTime];
    for (const first of [1, 2, 3, 5, 100]) {
      const seen: string[] = [];
      let after: string | undefined;
      for (let pageIndex = 0; ; pageIndex++) {
        const page = await opened.store.listImages({ first, after });
        expect(page.hasPreviousPage).toBe(pageIndex > 0);
        seen.push(...page.edges.map(({ node }) => node.id));
        after = page.edges.at(-1)?.cursor;
        if (!page.hasNextPage) break;
      }
      expect(seen).toEqual(expected);
      const beyond = await opened.store.listImages({ first, after });
      expect(beyond).toEqual({ edges: [], hasNextPage: false, hasPreviousPage: true });
    }
  });

  test('a cursor stands when its image is gone', async () => {
    const { image } = await opened.store.insertImage(newImage(opened.space.id, 'short-lived'));
    const [edge] = (await opened.store.listImages({ first: 1 })).edges;
    expect(edge?.node.id).toBe(image.id);
    await opened.store.deleteImage(image.id);
    const page = await opened.store.listImages({ first: 1, after: edge?.cursor });
    expect(page.edges[0]?.node.id).toBe(ids[4]);
    expect(page.hasPreviousPage).toBe(false);
  });

  test.each(['', 'x', 'MTIz', Buffer.from('1.2').toString('base64url'), '==', 'é'])(
    'cursor %j is refused',
    async (after) => {
      await expect(opened.store.listImages({ first: 1, after })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    },
  );

  test('a cursor with anything added is refused', async () => {
    const [edge] = (await opened.store.listImages({ first: 1 })).edges;
    await expect(opened.store.listImages({ first: 1, after: `${edge?.cursor ?? ''}=` })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  test('filename: case does not count, no character is a wildcard', async () => {
    expect(await namesOf({ filenameContains: 'strand' })).toEqual(['STRAND_2.png', 'Strand.png']);
    expect(await namesOf({ filenameContains: 'd_' })).toEqual(['STRAND_2.png']);
    expect(await namesOf({ filenameContains: '1%' })).toEqual(['berg_1%.png']);
    expect(await namesOf({ filenameContains: '\\' })).toEqual([]);
    expect(await namesOf({ filenameContains: 'äPFEL' })).toEqual(['Äpfel.png']);
    expect(await namesOf({ filenameContains: '' })).toEqual([...names].sort());
  });

  test('metadata: containment of keys and values, in depth', async () => {
    expect(await namesOf({ metadata: { set: 'odd' } })).toEqual(['STRAND_2.png', 'Äpfel.png']);
    expect(await namesOf({ metadata: { tags: ['t3', 't'] } })).toEqual(['Äpfel.png']);
    expect(await namesOf({ metadata: { nested: { index: 0 } } })).toEqual(['Strand.png']);
    expect(await namesOf({ metadata: { nested: 0 } })).toEqual([]);
    expect(await namesOf({ metadata: {} })).toEqual([...names].sort());
  });

  test('sha256 and times, bounds inclusive; all that is given must hold', async () => {
    expect(await namesOf({ sha256: newImage(1, 'berg11.png').sha256 })).toEqual(['berg11.png']);
    const at = (second: number, millisecond: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second, millisecond));
    expect(await namesOf({ createdAfter: at(1, 123) })).toEqual(['berg11.png', 'Äpfel.png']);
    expect(await namesOf({ createdAfter: at(1, 124) })).toEqual(['berg11.png']);
    expect(await namesOf({ createdBefore: at(0, 123) })).toEqual(['STRAND_2.png', 'Strand.png', 'berg_1%.png']);
    expect(await namesOf({ createdBefore: at(0, 122) })).toEqual([]);
    expect(await namesOf({ createdAfter: at(0, 0), createdBefore: at(1, 123), metadata: { set: 'odd' } })).toEqual([
      'STRAND_2.png',
      'Äpfel.png',
    ]);
  });

  test('a filtered page knows what is before and after it', async () => {
    const filter = { metadata: { set: 'even' } };
    const page = await opened.store.listImages({ first: 1, filter });
    expect([page.edges[0]?.node.filename, page.hasNextPage, page.hasPreviousPage]).toEqual(['berg11.png', true, false]);
    const next = await opened.store.listImages({ first: 2, after: page.edges[0]?.cursor, filter });
    expect([next.edges.length, next.hasNextPage, next.hasPreviousPage]).toEqual([2, false, true]);
  });
});
