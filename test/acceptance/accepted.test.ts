import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, dataOf, multipartBody, type ImageNode, type TestClient } from '../support/client.js';
import { cosine, readAcceptedImages } from '../support/golden.js';
import { makeJpeg, makePng } from '../support/make-image.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const accepted = readAcceptedImages();
/** Between two similarities whose embeddings are within a cosine of 0.999 of the golden ones. */
const tolerance = 0.02;
const mediaTypes: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  tif: 'image/tiff',
  gif: 'image/gif',
};

describe.each(testStores)('what is accepted ($name)', (store) => {
  let server: TestServer;
  let client: TestClient;
  const stored = new Map<string, ImageNode>();

  beforeAll(async () => {
    server = await startServer({ store });
    client = server.client;
    for (const { name, file, bytes } of accepted) stored.set(name, (await client.upload(bytes, file)).image);
  });
  afterAll(() => server.stop());

  const imageOf = (name: string): ImageNode => {
    const image = stored.get(name);
    if (image === undefined) throw new Error(`${name} was not stored`);
    return image;
  };

  it.each(accepted)('$file has the golden size and type', ({ name, file, bytes, width, height }) => {
    const type = name === 'renamed-png' ? 'image/png' : mediaTypes[file.slice(file.lastIndexOf('.') + 1)];
    expect(imageOf(name)).toMatchObject({
      filename: file,
      width,
      height,
      mediaType: type,
      byteSize: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it.each(accepted)('$file is as similar to the others as the golden embeddings are', async (each) => {
    const hits = await client.similar(imageOf(each.name).id, { k: 1000 });
    expect(hits).toHaveLength(accepted.length - 1);
    for (const other of accepted) {
      if (other === each) continue;
      const hit = hits.find(({ image }) => image.id === imageOf(other.name).id);
      const expected = cosine(each.embedding, other.embedding);
      expect(Math.abs((hit?.similarity ?? 2) - expected), `${each.name} and ${other.name}`).toBeLessThan(tolerance);
    }
  });

  it.each(accepted)('$file finds itself', async ({ name, bytes }) => {
    const hits = await client.search(bytes, { k: accepted.length });
    const self = hits.find(({ image }) => image.id === imageOf(name).id);
    expect(self?.similarity).toBeGreaterThan(0.9999);
    expect(hits[0]?.similarity).toBeGreaterThan(0.9999);
  });

  it.each(accepted)(
    '$file comes back unchanged, upright as WebP, and as a thumbnail',
    async ({ name, bytes, width, height }) => {
      const image = imageOf(name);
      expect((await client.get(image.url)).body.equals(bytes)).toBe(true);

      const rendition = await sharp((await client.get(image.renditionUrl)).body).metadata();
      expect(rendition).toMatchObject({ format: 'webp', width, height });
      expect([rendition.exif, rendition.icc, rendition.xmp, rendition.orientation]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      const thumbnail = await sharp((await client.get(image.thumbnailUrl)).body).metadata();
      const scale = 320 / Math.max(width, height);
      expect(thumbnail).toMatchObject({
        format: 'webp',
        width: Math.max(1, Math.round(width * scale)),
        height: Math.max(1, Math.round(height * scale)),
      });
    },
  );

  describe('filenames', () => {
    const upload = 'mutation ($file: Upload!) { uploadImage(file: $file) { created image { id filename } } }';
    let seed = 2_000;

    /** Sends the name as the bytes that a client would put between the quotes. */
    const storedName = async (filename: Buffer | string): Promise<string | undefined> => {
      const answer = answerOf(
        await client.raw(
          multipartBody([
            { name: 'operations', body: JSON.stringify({ query: upload, variables: { file: null } }) },
            { name: 'map', body: '{"0":["variables.file"]}' },
            {
              name: '0',
              body: await makePng(seed++),
              contentType: 'text/html',
              disposition: Buffer.concat([
                Buffer.from('form-data; name="0"; filename="'),
                Buffer.from(filename as string),
                Buffer.from('"'),
              ]),
            },
          ]),
        ),
      );
      if (answer.errors !== undefined) {
        expect(answer.errors[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
        return undefined;
      }
      return (answer.data?.['uploadImage'] as { image: { filename: string } }).image.filename;
    };

    it.each([
      ['café.png', 'café.png'],
      ['cafe\u0301.png', 'café.png'],
      ['🏖️ beach.png', '🏖️ beach.png'],
      ['日本語.png', '日本語.png'],
      ['holiday/2024/sea.png', 'sea.png'],
      ['C:\\\\photos\\\\sea.png', 'sea.png'],
      ['a %22quoted%22 name, 100%.png', 'a "quoted" name, 100%.png'],
      ['../../etc/passwd', 'passwd'],
      ["a'; DROP TABLE image; --.png", "a'; DROP TABLE image; --.png"],
      ['<script>alert(1)</script>.png', 'script>.png'],
    ])('%s is kept as %s', async (sent, kept) => {
      expect(await storedName(sent)).toBe(kept);
    });

    it.each([
      ['control characters', 'a\u0001b\u001b[31mc\u007f.png'],
      ['U+0000', 'a\u0000b.png'],
      ['bidirectional overrides', 'a\u202egnp.exe'],
      ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x2e, 0x70, 0x6e, 0x67])],
      ['nothing but spaces', '   '],
      ['dots', '..'],
      ['1,000 characters', `${'é'.repeat(1_000)}.png`],
    ])('%s are dropped, or the part is refused', async (_, sent) => {
      const kept = await storedName(sent);
      // eslint-disable-next-line no-control-regex -- these are what must be gone
      if (kept !== undefined) expect(kept).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069/\\]+$/);
      expect(Buffer.byteLength(kept ?? '')).toBeLessThanOrEqual(255);
      expect(await client.totalCount()).toBeGreaterThan(0);
    });

    it('an encoded name (RFC 5987) is read', async () => {
      const answer = answerOf(
        await client.raw(
          multipartBody([
            { name: 'operations', body: JSON.stringify({ query: upload, variables: { file: null } }) },
            { name: 'map', body: '{"0":["variables.file"]}' },
            {
              name: '0',
              body: await makePng(seed++),
              contentType: 'image/png',
              disposition: `form-data; name="0"; filename*=UTF-8''n%C3%A4me%2F%F0%9F%90%98.png`,
            },
          ]),
        ),
      );
      expect((answer.data?.['uploadImage'] as { image: ImageNode }).image.filename).toBe('🐘.png');
    });
  });

  it('takes 8 KiB of metadata and no byte more', async () => {
    const metadata = (sizeBytes: number) => ({ a: 'x'.repeat(sizeBytes - '{"a":""}'.length) });
    const { image } = await client.upload(await makeJpeg(3_001), 'a.jpg', metadata(8 * 1024));
    expect(image.metadata).toEqual(metadata(8 * 1024));
    const refused = await client.uploadAnswer(await makeJpeg(3_002), 'a.jpg', metadata(8 * 1024 + 1));
    expect(refused.errors?.[0]?.extensions?.['code']).toBe('BAD_USER_INPUT');
  });

  it('takes a file whose variable stands in the query by another name, through an alias', async () => {
    const query =
      'mutation ($mine: Upload!) { stored: uploadImage(file: $mine, metadata: {a: 1}) { picture: image { metadata } } }';
    const answer = await client.multipart(
      query,
      { mine: null },
      { 'variables.mine': { bytes: await makeJpeg(3_003), filename: 'a.jpg' } },
    );
    expect(dataOf(answer)).toEqual({ stored: { picture: { metadata: { a: 1 } } } });
  });
});
