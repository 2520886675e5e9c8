import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageNode, TestClient } from '../support/client.js';
import { drawPixels, makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

afterAll(cleanUp);

describe.each(testStores)("an image's bytes ($name)", (store) => {
  let server: TestServer;
  let client: TestClient;
  let original: Buffer;
  let image: ImageNode;

  beforeAll(async () => {
    server = await startServer({ store });
    client = server.client;
    // Lies on its side, and says where and with what it was taken.
    original = await sharp(drawPixels(1, 800, 600), { raw: { width: 800, height: 600, channels: 3 } })
      .withMetadata({ orientation: 6 })
      .withExifMerge({ IFD0: { Make: 'SECRETCAMERA' } })
      .jpeg()
      .toBuffer();
    image = (await client.upload(original, 'Ünï "quoted" 🏖; x.jpg')).image;
  });
  afterAll(() => server.stop());

  it('are exactly those that were uploaded', async () => {
    const answer = await client.get(image.url);
    expect(answer.status).toBe(200);
    expect(createHash('sha256').update(answer.body).digest('hex')).toBe(image.sha256);
    expect(answer.body.equals(original)).toBe(true);
    expect(answer.headers.get('content-type')).toBe('image/jpeg');
    expect(answer.headers.get('content-length')).toBe(String(original.length));
    expect(answer.headers.get('content-disposition')).toContain(
      "filename*=UTF-8''%C3%9Cn%C3%AF%20%22quoted%22%20%F0%9F%8F%96%3B%20x.jpg",
    );
  });

  it('have a rendition of full size and a thumbnail, upright and without metadata', async () => {
    for (const [path, width, height] of [
      [image.renditionUrl, 600, 800],
      [image.thumbnailUrl, 240, 320],
    ] as const) {
      const answer = await client.get(path);
      expect(answer.headers.get('content-type')).toBe('image/webp');
      const metadata = await sharp(answer.body).metadata();
      expect(metadata).toMatchObject({ format: 'webp', width, height });
      expect([metadata.exif, metadata.orientation]).toEqual([undefined, undefined]);
      expect(answer.body.includes('SECRETCAMERA')).toBe(false);
    }
    expect(original.includes('SECRETCAMERA')).toBe(true);
    // The thumbnail is not only of the right size: it is the picture, turned.
    const [turned, thumbnail] = await Promise.all([
      sharp(original).autoOrient().resize(24, 32, { fit: 'fill' }).raw().toBuffer(),
      sharp((await client.get(image.thumbnailUrl)).body)
        .resize(24, 32, { fit: 'fill' })
        .raw()
        .toBuffer(),
    ]);
    const difference =
      turned.reduce((sum, value, at) => sum + Math.abs(value - (thumbnail[at] ?? 0)), 0) / turned.length;
    expect(difference).toBeLessThan(6);
  });

  it('have a thumbnail of the same size where the image is smaller, and a rendition of its own size', async () => {
    const small = (await client.upload(await makeJpeg(2, { width: 40, height: 30 }))).image;
    const sizeOf = async (path: string) => sharp((await client.get(path)).body).metadata();
    expect(await sizeOf(small.thumbnailUrl)).toMatchObject({ width: 320, height: 240 });
    expect(await sizeOf(small.renditionUrl)).toMatchObject({ width: 40, height: 30 });
  });

  it.each(['url', 'renditionUrl', 'thumbnailUrl'] as const)('are cached under an ETag (%s)', async (form) => {
    const first = await client.get(image[form]);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(first.headers.get('cache-control')).toContain('immutable');
    const again = await client.get(image[form], { headers: { 'if-none-match': etag } });
    expect({ status: again.status, length: again.body.length, etag: again.headers.get('etag') }).toEqual({
      status: 304,
      length: 0,
      etag,
    });
    expect((await client.get(image[form], { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('have different ETags in their three forms', async () => {
    const answers = await Promise.all(
      [image.url, image.renditionUrl, image.thumbnailUrl].map((path) => client.get(path, { method: 'HEAD' })),
    );
    expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(3);
  });

  it.each([
    ['bytes=0-9', 0, 9],
    ['bytes=100-199', 100, 199],
    ['bytes=-10', -10, -1],
    ['bytes=5-', 5, -1],
  ])('come in ranges: %s', async (range, from, to) => {
    const at = (position: number): number => (position < 0 ? original.length + position : position);
    const answer = await client.get(image.url, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${at(from)}-${at(to)}/${original.length}`);
    expect(answer.body.equals(original.subarray(at(from), at(to) + 1))).toBe(true);
  });

  it('refuse a range beyond their end, and send the whole where they cannot follow one', async () => {
    const beyond = await client.get(image.url, { headers: { range: `bytes=${original.length}-` } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${original.length}`);
    for (const headers of [
      { range: 'pages=1-2' },
      { range: 'bytes=nonsense' },
      { range: 'bytes=0-9', 'if-range': '"another"' },
    ]) {
      const answer = await client.get(image.url, { headers });
      expect({ status: answer.status, length: answer.body.length }).toEqual({ status: 200, length: original.length });
    }
  });

  it('answer HEAD with the headers of GET', async () => {
    for (const path of [image.url, image.renditionUrl, image.thumbnailUrl]) {
      const [head, get] = [await client.get(path, { method: 'HEAD' }), await client.get(path)];
      expect(head.status).toBe(200);
      expect(head.body.length).toBe(0);
      for (const name of ['content-type', 'content-length', 'etag', 'cache-control']) {
        expect(head.headers.get(name), `${path} ${name}`).toBe(get.headers.get(name));
      }
    }
  });

  it('run nothing in a browser', async () => {
    for (const path of [image.url, image.renditionUrl, image.thumbnailUrl]) {
      const { headers } = await client.get(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).toContain('sandbox');
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  it('are not found under an unknown id, and refused under a malformed one, without headers of an image', async () => {
    for (const path of [image.url, image.renditionUrl, image.thumbnailUrl]) {
      const unknown = await client.get(path.replace(image.id, '00000000-0000-8000-8000-000000000000'));
      expect(unknown.status).toBe(404);
      const malformed = await client.get(path.replace(image.id, 'nonsense'));
      expect(malformed.status).toBe(400);
      for (const answer of [unknown, malformed]) {
        expect(answer.headers.get('content-type')).toContain('application/json');
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(answer.headers.get('etag')).toBeNull();
        expect(answer.body.toString()).not.toMatch(/stack|node_modules/);
      }
    }
    for (const path of ['/images/../../etc/passwd', '/images/%2e%2e%2f', '/images/%00', '/images/%ff', '/nothing']) {
      const { status } = await client.ask('GET', path);
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(status, path).toBeLessThan(500);
    }
    expect((await client.get(image.url, { method: 'DELETE' })).status).toBeGreaterThanOrEqual(400);
    expect((await client.get(image.url)).status).toBe(200);
  });
});
