import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const clientCount = 30;

describe.each(testStores)('many clients at once ($name)', (store) => {
  let server: TestServer;
  let client: TestClient;

  beforeAll(async () => {
    server = await startServer({ store });
    client = server.client;
  });
  afterAll(() => server.stop());

  it('upload the same bytes: one image, all get its id, and one made it', async () => {
    const bytes = await makeJpeg(1, { width: 400, height: 300 });
    const payloads = await Promise.all(
      Array.from({ length: clientCount }, (_, index) => client.upload(bytes, `name-${index}.jpg`, { index })),
    );
    expect(payloads.filter(({ created }) => created)).toHaveLength(1);
    const [winner] = payloads.filter(({ created }) => created);
    for (const { image } of payloads) expect(image).toEqual(winner?.image);
    expect(await client.totalCount()).toBe(1);
  });

  it('upload the same bytes in one request', async () => {
    const bytes = await makeJpeg(2);
    const query =
      'mutation ($files: [Upload!]!) { uploadImages(files: $files) { created image { id } error { code } } }';
    const answer = await client.multipart<{
      uploadImages: readonly { created: boolean; image: { id: string } | null }[];
    }>(
      query,
      { files: Array.from({ length: 10 }, () => null) },
      Object.fromEntries(
        Array.from({ length: 10 }, (_, index) => [`variables.files.${index}`, { bytes, filename: 'a.jpg' }]),
      ),
    );
    const results = answer.data?.uploadImages ?? [];
    expect(results).toHaveLength(10);
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(results.map(({ image }) => image?.id)).size).toBe(1);
    expect(await client.totalCount()).toBe(2);
  });

  it('upload, search, list and delete side by side, and nothing is lost', async () => {
    const pictures = await Promise.all(Array.from({ length: clientCount }, (_, index) => makeJpeg(100 + index)));
    const before = await client.totalCount();
    const ids = await Promise.all(
      pictures.map(async (bytes, index) => {
        const { image } = await client.upload(bytes, `picture-${index}.jpg`);
        // From its answer on, the image is a candidate of every search.
        const [hit] = await client.search(bytes, { k: 1 });
        expect(hit?.image.id).toBe(image.id);
        await client.similar(image.id, { k: 5 });
        if (index % 3 === 0) await client.data(`mutation { deleteImage(id: "${image.id}") { deletedId } }`);
        return image.id;
      }),
    );
    const left = ids.filter((_, index) => index % 3 !== 0);
    expect(await client.totalCount()).toBe(before + left.length);
    expect((await client.allImages()).map(({ id }) => id)).toEqual(expect.arrayContaining(left));
  });

  it('upload and delete the same bytes: it is there as a whole or not at all', async () => {
    const bytes = await makeJpeg(500);
    const { image } = await client.upload(bytes);
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        index % 2 === 0
          ? client.upload(bytes)
          : client.graphql('mutation ($id: ID!) { deleteImage(id: $id) { deletedId } }', { id: image.id }),
      ),
    );
    const found = (await client.data<{ image: unknown }>(`{ image(id: "${image.id}") { id } }`)).image !== null;
    for (const path of [image.url, image.thumbnailUrl, image.renditionUrl]) {
      expect((await client.get(path)).status).toBe(found ? 200 : 404);
    }
    const similar = await client.similarAnswer(image.id);
    expect(similar.errors === undefined).toBe(found);
    expect((await client.upload(bytes)).created).toBe(!found);
  });
});
