import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildClientSchema, buildSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  codeOf,
  dataOf,
  hitFields,
  imageFields,
  onlyError,
  preflight,
  type Hit,
  type ImageNode,
  type TestClient,
} from '../support/client.js';
import { listContract } from '../support/schema-listing.js';
import { makeJpeg, makePng } from '../support/make-image.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const unknownId = '00000000-0000-8000-8000-000000000000';
const galleryCount = 24;

interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: ImageNode }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: number;
}

describe.each(testStores)('the contract ($name)', (store) => {
  let server: TestServer;
  let client: TestClient;
  /** In the order of upload. */
  const gallery: ImageNode[] = [];

  beforeAll(async () => {
    server = await startServer({ store });
    client = server.client;
    for (let n = 0; n < galleryCount; n++) {
      const bytes = n % 2 === 0 ? await makeJpeg(n) : await makePng(n);
      const filename = `${n % 3 === 0 ? 'Beach 100%' : 'forest_'}-${n}.${n % 2 === 0 ? 'jpg' : 'png'}`;
      const metadata = { label: n % 3 === 0 ? 'beach' : 'forest', n, tags: ['all', `t${n % 4}`], at: { row: n % 2 } };
      gallery.push((await client.upload(bytes, filename, metadata)).image);
    }
  });
  afterAll(() => server.stop());

  const at = (index: number): ImageNode => {
    const image = gallery[index];
    if (image === undefined) throw new RangeError(`No image ${index}`);
    return image;
  };
  const list = async (variables: Readonly<Record<string, unknown>>): Promise<Page> => {
    const query = `query ($first: Int! = 20, $after: String, $filter: ImageFilter) {
      images(first: $first, after: $after, filter: $filter) {
        edges { cursor node { ${imageFields} } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }`;
    return (await client.data<{ images: Page }>(query, variables)).images;
  };
  const listed = async (filter: unknown): Promise<readonly number[]> =>
    (await list({ first: 100, filter })).edges.map(({ node }) => Number(node.metadata['n'])).sort((a, b) => a - b);
  const numbersWhere = (keep: (n: number) => boolean): readonly number[] =>
    Array.from({ length: galleryCount }, (_, n) => n).filter(keep);

  it('stands in the schema word for word', async () => {
    const sdl = await readFile(join(import.meta.dirname, '../fixtures/contract.graphql'), 'utf8');
    const introspection = await client.data<IntrospectionQuery>(getIntrospectionQuery());
    const served = listContract(buildClientSchema(introspection));
    const missing = listContract(buildSchema(sdl)).filter((line) => !served.includes(line));
    expect(missing).toEqual([]);
  });

  it('counts the images in its status', async () => {
    expect(await client.data('{ status { imageCount } images { totalCount } }')).toEqual({
      status: { imageCount: galleryCount },
      images: { totalCount: galleryCount },
    });
  });

  describe('image', () => {
    it('answers everything about an image', async () => {
      const bytes = await makeJpeg(4);
      const { image } = await client.data<{ image: ImageNode }>(
        `query ($id: ID!) { image(id: $id) { ${imageFields} } }`,
        { id: at(4).id },
      );
      expect(image).toEqual({
        id: at(4).id,
        filename: 'forest_-4.jpg',
        mediaType: 'image/jpeg',
        width: 96,
        height: 72,
        byteSize: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        metadata: { label: 'forest', n: 4, tags: ['all', 't0'], at: { row: 0 } },
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        url: expect.stringMatching(/^\/[^/]/) as string,
        renditionUrl: expect.stringMatching(/^\/[^/]/) as string,
        thumbnailUrl: expect.stringMatching(/^\/[^/]/) as string,
      });
      expect(Math.abs(Date.parse(image.createdAt) - Date.now())).toBeLessThan(3_600_000);
    });

    it('is null for an unknown id, takes an id in upper case, and refuses a malformed one', async () => {
      expect(await client.data(`{ image(id: "${unknownId}") { id } }`)).toEqual({ image: null });
      expect(await client.data(`{ image(id: "${at(0).id.toUpperCase()}") { id } }`)).toEqual({
        image: { id: at(0).id },
      });
      for (const id of ['', '1', 'not-an-id', `${at(0).id}0`, "' OR 1=1 --", '\u0000']) {
        const answer = await client.graphql('query ($id: ID!) { image(id: $id) { id } }', { id });
        expect(codeOf(answer)).toBe('BAD_USER_INPUT');
      }
    });

    it('answers under aliases, with nested neighbours, in one request', async () => {
      const answer = await client.graphql<Record<'a' | 'b', ImageNode & { similarImages: readonly Hit[] }>>(
        `query ($a: ID!, $b: ID!) {
          a: image(id: $a) { id similarImages(k: 2) { ${hitFields} } }
          b: image(id: $b) { id similarImages { rank similarity image { id similarImages(k: 1) { image { id } } } } } }`,
        { a: at(0).id, b: at(1).id },
      );
      const { a, b } = dataOf(answer);
      expect(a.similarImages).toEqual(await client.similar(at(0).id, { k: 2 }));
      expect(b.similarImages.map(({ image }) => image.id)).toEqual(
        (await client.similar(at(1).id)).map(({ image }) => image.id),
      );
      expect(b.similarImages).toHaveLength(10);
      expect(answer.extensions?.semblance?.space).toBe('semblance-compact');
    });
  });

  describe('images', () => {
    it('lists newest first, page by page, each once', async () => {
      const seen: ImageNode[] = [];
      let after: string | null = null;
      for (let page = 0; ; page++) {
        const found: Page = await list({ first: 7, after });
        expect(found.totalCount).toBe(galleryCount);
        expect(found.pageInfo).toMatchObject({
          startCursor: found.edges[0]?.cursor,
          endCursor: found.edges.at(-1)?.cursor,
          hasPreviousPage: page > 0,
        });
        seen.push(...found.edges.map(({ node }) => node));
        after = found.pageInfo.endCursor;
        if (!found.pageInfo.hasNextPage) break;
      }
      expect(seen.map(({ id }) => id).sort()).toEqual(gallery.map(({ id }) => id).sort());
      const times = seen.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted().toReversed());
      expect(seen).toEqual(seen.map(({ id }) => gallery.find((image) => image.id === id)));
    });

    it('has 20 on a page unless asked otherwise, and says where the list ends', async () => {
      const page = await list({});
      expect(page.edges).toHaveLength(20);
      expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
      const exactly = await list({ first: galleryCount });
      expect(exactly.pageInfo.hasNextPage).toBe(false);
      const beyond = await list({ first: 5, after: exactly.pageInfo.endCursor });
      expect(beyond).toMatchObject({ edges: [], pageInfo: { hasNextPage: false, startCursor: null, endCursor: null } });
    });

    it('keeps its pages while images arrive and vanish', async () => {
      const first = await list({ first: 10 });
      const { image: arrived } = await client.upload(await makeJpeg(900), 'late.jpg');
      const rest = await list({ first: 100, after: first.pageInfo.endCursor });
      const ids = [...first.edges, ...rest.edges].map(({ node }) => node.id);
      expect(ids).not.toContain(arrived.id);
      expect(ids.toSorted()).toEqual(gallery.map(({ id }) => id).sort());
      // The cursor of an image that is gone still holds its place.
      const [newest] = (await list({ first: 1 })).edges;
      expect(newest?.node.id).toBe(arrived.id);
      await client.data(`mutation { deleteImage(id: "${arrived.id}") { deletedId } }`);
      const afterGone = await list({ first: 1, after: newest?.cursor });
      expect(afterGone.edges[0]?.node.id).toBe(first.edges[0]?.node.id);
    });

    it('refuses pages out of bounds and cursors that are none', async () => {
      for (const first of [0, -1, 101]) {
        const answer = await client.graphql('query ($first: Int!) { images(first: $first) { totalCount } }', { first });
        expect(onlyError(answer)).toMatchObject({
          message: `Expected an integer from 1 to 100 for first but received ${first}`,
          extensions: { code: 'BAD_USER_INPUT' },
        });
      }
      for (const after of ['', 'x', 'bm90IGEgY3Vyc29y', '\u0000', 'A'.repeat(5_000)]) {
        expect(await client.code('query ($a: String) { images(after: $a) { totalCount } }', { a: after })).toBe(
          'BAD_USER_INPUT',
        );
      }
    });

    it.each<readonly [string, unknown, (n: number) => boolean]>([
      ['metadata', { metadata: { label: 'beach' } }, (n) => n % 3 === 0],
      ['metadata in depth', { metadata: { tags: ['t1'], at: { row: 1 } } }, (n) => n % 4 === 1],
      ['metadata of another type', { metadata: { n: '4' } }, () => false],
      ['filenameContains in any case', { filenameContains: 'BEACH' }, (n) => n % 3 === 0],
      ['filenameContains with %', { filenameContains: '100%-' }, (n) => n % 3 === 0],
      ['filenameContains with _', { filenameContains: 't_-' }, (n) => n % 3 !== 0],
      ['filenameContains with % as no wildcard', { filenameContains: 'f%t' }, () => false],
      ['filenameContains with a backslash', { filenameContains: '\\' }, () => false],
      ['all at once', { metadata: { label: 'forest' }, filenameContains: '.PNG' }, (n) => n % 3 !== 0 && n % 2 === 1],
      ['nothing', {}, () => true],
      ['nulls', { metadata: null, filenameContains: null, sha256: null, createdAfter: null }, () => true],
    ])('filters by %s', async (_, filter, keep) => {
      expect(await listed(filter)).toEqual(numbersWhere(keep));
      expect((await list({ first: 1, filter })).totalCount).toBe(numbersWhere(keep).length);
    });

    it('filters by sha256 and, both bounds inclusive, by time', async () => {
      expect(await listed({ sha256: at(5).sha256 })).toEqual([5]);
      expect(await listed({ sha256: '0'.repeat(64) })).toEqual([]);
      const [from, to] = [at(5).createdAt, at(9).createdAt];
      const within = numbersWhere((n) => at(n).createdAt >= from && at(n).createdAt <= to);
      expect(within).toEqual(expect.arrayContaining([5, 6, 7, 8, 9]));
      expect(await listed({ createdAfter: from, createdBefore: to })).toEqual(within);
      expect(await listed({ createdAfter: from, createdBefore: to, metadata: { label: 'beach' } })).toEqual(
        within.filter((n) => n % 3 === 0),
      );
      const zoned = `${from.slice(0, -1)}+00:00`;
      expect(await listed({ createdAfter: zoned, createdBefore: to })).toEqual(within);
    });

    it.each([
      ['an upper-case sha256', { sha256: 'A'.repeat(64) }],
      ['a short sha256', { sha256: 'abc' }],
      ['metadata that is a list', { metadata: [1] }],
      ['metadata that is text', { metadata: 'beach' }],
      ['a time that is none', { createdAfter: 'yesterday' }],
      ['a field that is none', { mediaType: 'image/png' }],
      ['U+0000 in the filename', { filenameContains: '\u0000' }],
      ['U+0000 in metadata', { metadata: { a: '\u0000' } }],
    ])('refuses a filter with %s', async (_, filter) => {
      for (const query of [
        'query ($f: ImageFilter) { images(filter: $f) { totalCount } }',
        `query ($f: ImageFilter) { similarImages(imageId: "${at(0).id}", filter: $f) { rank } }`,
      ]) {
        expect(await client.code(query, { f: filter })).toBe('BAD_USER_INPUT');
      }
    });
  });

  describe('similarImages', () => {
    it('answers the k nearest others, nearest first, with ranks', async () => {
      for (const k of [1, 5, galleryCount - 1, 1000]) {
        const hits = await client.similar(at(3).id, { k });
        expect(hits).toHaveLength(Math.min(k, galleryCount - 1));
        expect(hits.map(({ rank }) => rank)).toEqual(hits.map((_, index) => index + 1));
        expect(hits.map(({ image }) => image.id)).not.toContain(at(3).id);
        const similarities = hits.map(({ similarity }) => similarity);
        expect(similarities).toEqual(similarities.toSorted((a, b) => b - a));
        for (const similarity of similarities) expect(Math.abs(similarity)).toBeLessThanOrEqual(1);
      }
      const hits = await client.similar(at(3).id, { k: 1000 });
      expect(hits.map(({ image }) => image)).toEqual(
        hits.map(({ image }) => gallery.find(({ id }) => id === image.id)),
      );
    });

    it('is symmetric, and agrees with a search by the same file', async () => {
      const [nearest] = await client.similar(at(3).id, { k: 1 });
      const back = await client.similar(nearest?.image.id ?? '', { k: 1000 });
      expect(back.find(({ image }) => image.id === at(3).id)?.similarity).toBeCloseTo(nearest?.similarity ?? 0, 5);

      const [self, ...others] = await client.search(await makePng(3), { k: galleryCount });
      expect(self).toMatchObject({ rank: 1, image: { id: at(3).id } });
      expect(self?.similarity).toBeGreaterThan(0.9999);
      const stored = await client.similar(at(3).id, { k: galleryCount });
      expect(others.map(({ image }) => image.id)).toEqual(stored.map(({ image }) => image.id));
      others.forEach(({ similarity }, index) => {
        expect(similarity).toBeCloseTo(stored[index]?.similarity ?? 0, 3);
      });
    });

    it('keeps to minSimilarity and to filters, and then still answers k', async () => {
      const all = await client.similar(at(3).id, { k: 1000 });
      const bound = all[6]?.similarity ?? 0;
      // A hair below: the bound travels as a decimal.
      const near = await client.similar(at(3).id, { k: 1000, minSimilarity: bound - 1e-9 });
      expect(near).toEqual(all.slice(0, 7));
      expect(await client.similar(at(3).id, { k: 3, minSimilarity: bound })).toEqual(all.slice(0, 3));
      expect(await client.similar(at(3).id, { minSimilarity: 1 })).toEqual([]);
      expect(await client.similar(at(3).id, { k: 1000, minSimilarity: -1 })).toEqual(all);

      const isBeach = ({ image }: Hit): boolean => image.metadata['label'] === 'beach';
      const beaches = all.filter(isBeach).map(({ image }) => image.id);
      const filter = { metadata: { label: 'beach' } };
      for (const k of [1, 4, 1000]) {
        const hits = await client.similar(at(3).id, { k, filter });
        expect(hits.map(({ image }) => image.id)).toEqual(beaches.slice(0, k));
      }
      const combined = { ...filter, filenameContains: '.jpg', createdAfter: at(0).createdAt };
      expect((await client.similar(at(3).id, { filter: combined })).map(({ image }) => image.id)).toEqual(
        all.filter((hit) => isBeach(hit) && hit.image.filename.endsWith('.jpg')).map(({ image }) => image.id),
      );
      expect(await client.similar(at(3).id, { filter: { sha256: at(3).sha256 } })).toEqual([]);
      const searched = await client.search(await makePng(3), { k: 1, filter, minSimilarity: 0.999 });
      expect(searched.map(({ image }) => image.id)).toEqual([at(3).id]);
    });

    it('says in extensions.semblance how it searched', async () => {
      const stored = await client.similarAnswer(at(0).id);
      expect(stored.extensions?.semblance).toEqual({
        space: 'semblance-compact',
        mode: expect.stringMatching(/^(hnsw|exact)$/) as string,
        embedMs: 0,
        databaseMs: expect.any(Number) as number,
        rerankMs: 0,
      });
      const uploaded = await client.searchAnswer(await makeJpeg(500));
      expect(uploaded.extensions?.semblance?.embedMs).toBeGreaterThan(0);
      expect((await client.graphql('{ status { version } }')).extensions?.semblance).toBeUndefined();
    });

    it('refuses bounds and ids that are none, with the argument in the message', async () => {
      for (const k of [0, -1, 1001]) {
        const message = `Expected an integer from 1 to 1000 for k but received ${k}`;
        const expected = { message, extensions: { code: 'BAD_USER_INPUT' } };
        expect(onlyError(await client.similarAnswer(at(0).id, { k }))).toMatchObject(expected);
        expect(onlyError(await client.searchAnswer(await makeJpeg(1), { k }))).toMatchObject(expected);
        const nested = await client.graphql(
          'query ($id: ID!, $k: Int!) { image(id: $id) { similarImages(k: $k) { rank } } }',
          {
            id: at(0).id,
            k,
          },
        );
        expect(onlyError(nested)).toMatchObject(expected);
      }
      for (const k of [1.5, '10', 2 ** 31, null]) {
        expect(codeOf(await client.similarAnswer(at(0).id, { k }))).toBe('BAD_USER_INPUT');
      }
      for (const minSimilarity of [1.01, -2, '0.5']) {
        expect(codeOf(await client.similarAnswer(at(0).id, { minSimilarity }))).toBe('BAD_USER_INPUT');
      }
      expect(onlyError(await client.similarAnswer('nonsense'))).toMatchObject({
        message: expect.stringContaining('imageId') as string,
        extensions: { code: 'BAD_USER_INPUT' },
      });
      expect(codeOf(await client.similarAnswer(unknownId))).toBe('NOT_FOUND');
    });

    it('stores nothing of a search by upload', async () => {
      const before = await client.totalCount();
      const [hit] = await client.search(await makeJpeg(777), { k: 1 });
      expect(hit?.similarity).toBeLessThan(0.9999);
      expect(await client.totalCount()).toBe(before);
    });
  });

  describe('mutations', () => {
    it('finds an image from the answer of its upload on, and knows the same bytes again', async () => {
      const bytes = await makeJpeg(601);
      const first = await client.upload(bytes, 'first.jpg', { kept: true });
      expect(first.created).toBe(true);
      expect((await client.search(bytes, { k: 1 }))[0]?.image.id).toBe(first.image.id);
      const again = await client.upload(bytes, 'second.jpg', { kept: false });
      expect(again).toEqual({ created: false, image: first.image });
      await client.data(`mutation { deleteImage(id: "${first.image.id}") { deletedId } }`);
    });

    it('uploads several at once, in order, and one bad file does not spoil the others', async () => {
      const [good, known, other] = [await makeJpeg(602), await makeJpeg(0), await makeJpeg(603)];
      const query = `mutation ($files: [Upload!]!, $metadata: JSON) { uploadImages(files: $files, metadata: $metadata) {
        filename created error { code message } image { id filename metadata } } }`;
      const answer = await client.multipart<{ uploadImages: readonly Record<string, unknown>[] }>(
        query,
        { files: [null, null, null, null, null], metadata: { batch: 1 } },
        {
          'variables.files.0': { bytes: good, filename: 'good.jpg' },
          'variables.files.1': { bytes: Buffer.from('this is no picture'), filename: 'bad.jpg' },
          'variables.files.2': { bytes: known, filename: 'known.jpg' },
          'variables.files.3': { bytes: Buffer.alloc(0), filename: 'empty.jpg' },
          'variables.files.4': { bytes: other, filename: 'folder/other.jpg' },
        },
      );
      const results = dataOf(answer).uploadImages;
      expect(results).toEqual([
        {
          filename: 'good.jpg',
          created: true,
          error: null,
          image: expect.objectContaining({ metadata: { batch: 1 } }) as unknown,
        },
        {
          filename: 'bad.jpg',
          created: false,
          image: null,
          error: { code: 'UNSUPPORTED_MEDIA_TYPE', message: expect.any(String) as string },
        },
        {
          filename: 'known.jpg',
          created: false,
          error: null,
          image: expect.objectContaining({ id: at(0).id }) as unknown,
        },
        {
          filename: 'empty.jpg',
          created: false,
          image: null,
          error: { code: 'BAD_USER_INPUT', message: expect.any(String) as string },
        },
        {
          filename: 'other.jpg',
          created: true,
          error: null,
          image: expect.objectContaining({ filename: 'other.jpg' }) as unknown,
        },
      ]);
      for (const { created, image } of results) {
        if (created !== true) continue;
        await client.data(`mutation { deleteImage(id: "${(image as ImageNode).id}") { deletedId } }`);
      }
      expect(await client.totalCount()).toBe(galleryCount);
    });

    it('replaces metadata, and refuses what is no object', async () => {
      const { image } = await client.upload(await makeJpeg(604), 'meta.jpg', { old: 1 });
      const update = 'mutation ($id: ID!, $m: JSON!) { updateImage(id: $id, metadata: $m) { image { metadata } } }';
      const metadata = { new: [1, { deep: 'ünï 🏖' }], nothing: null };
      expect(await client.data(update, { id: image.id, m: metadata })).toEqual({
        updateImage: { image: { metadata } },
      });
      expect(await client.data(`{ image(id: "${image.id}") { metadata } }`)).toEqual({ image: { metadata } });
      for (const m of [[1], 'text', 4, true, { big: 'x'.repeat(8 * 1024) }, { nul: 'a\u0000b' }]) {
        expect(await client.code(update, { id: image.id, m })).toBe('BAD_USER_INPUT');
      }
      expect(await client.code(update, { id: unknownId, m: {} })).toBe('NOT_FOUND');
      expect(await client.code(update, { id: 'x', m: {} })).toBe('BAD_USER_INPUT');
      expect(await client.data(`{ image(id: "${image.id}") { metadata } }`)).toEqual({ image: { metadata } });
      const inline = `mutation { updateImage(id: "${image.id}", metadata: { a: [1, "two", null], b: { c: true } }) { image { metadata } } }`;
      expect(await client.data(inline)).toEqual({
        updateImage: { image: { metadata: { a: [1, 'two', null], b: { c: true } } } },
      });
      await client.data(`mutation { deleteImage(id: "${image.id}") { deletedId } }`);
    });

    it('deletes an image from every answer, and lets it come again', async () => {
      const bytes = await makeJpeg(605);
      const { image } = await client.upload(bytes);
      const remove = 'mutation ($id: ID!) { deleteImage(id: $id) { deletedId } }';
      expect(await client.data(remove, { id: image.id })).toEqual({ deleteImage: { deletedId: image.id } });
      expect(await client.data(`{ image(id: "${image.id}") { id } }`)).toEqual({ image: null });
      expect((await client.search(bytes, { k: 1000 })).map((hit) => hit.image.id)).not.toContain(image.id);
      expect(codeOf(await client.similarAnswer(image.id))).toBe('NOT_FOUND');
      for (const path of [image.url, image.renditionUrl, image.thumbnailUrl]) {
        expect((await client.get(path)).status).toBe(404);
      }
      expect(await client.code(remove, { id: image.id })).toBe('NOT_FOUND');
      expect(await client.code(remove, { id: 'x' })).toBe('BAD_USER_INPUT');
      const again = await client.upload(bytes);
      expect(again).toMatchObject({ created: true, image: { id: image.id } });
      await client.data(remove, { id: image.id });
    });
  });

  describe('GraphQL over HTTP', () => {
    const query = encodeURIComponent('{ status { imageCount } }');

    it('answers GET with the preflight header, and refuses it without', async () => {
      const answer = await client.get(`/graphql?query=${query}`, { headers: preflight });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body.toString())).toEqual({ data: { status: { imageCount: galleryCount } } });
      expect((await client.get(`/graphql?query=${query}`)).status).toBe(400);
    });

    it('refuses a mutation by GET', async () => {
      const mutation = encodeURIComponent(`mutation { deleteImage(id: "${at(0).id}") { deletedId } }`);
      const answer = await client.get(`/graphql?query=${mutation}`, { headers: preflight });
      expect(answer.status).toBe(405);
      expect(await client.totalCount()).toBe(galleryCount);
    });

    it("answers Apollo's own codes for what is no query", async () => {
      expect(await client.code('{ nonsense')).toBe('GRAPHQL_PARSE_FAILED');
      expect(await client.code('{ nonsense }')).toBe('GRAPHQL_VALIDATION_FAILED');
      expect(await client.code('query ($id: ID!) { image(id: $id) { id } }')).toBe('BAD_USER_INPUT');
    });

    it('shows no stack, SQL or path of the server in any message', async () => {
      const answers = await Promise.all([
        client.graphql('{ nonsense }'),
        client.graphql('{ images(first: 0) { totalCount } }'),
        client.similarAnswer(unknownId),
        client.graphql('{ images(after: "\\u0000") { totalCount } }'),
      ]);
      expect(JSON.stringify(answers)).not.toMatch(/stacktrace|node_modules|select |\.ts:|\.js:/i);
    });

    it('refuses a query that costs more than a person would ask for', async () => {
      const deep = Array.from({ length: 12 }).reduce<string>(
        (inner) => `similarImages(k: 1000) { image { id ${inner} } }`,
        '',
      );
      const answer = await client.graphql(`{ images(first: 100) { edges { node { ${deep} } } } }`);
      expect(answer.errors).toBeDefined();
      const aliases = Array.from({ length: 5_000 }, (_, n) => `a${n}: status { imageCount }`).join(' ');
      expect((await client.graphql(`{ ${aliases} }`)).errors).toBeDefined();
      expect(await client.totalCount()).toBe(galleryCount);
    });
  });
});
