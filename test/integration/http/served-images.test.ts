import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../../src/app.js';
import { heifFixture } from '../../fixtures/heif.js';
import { acceptedFixtures, fixtureBytes } from '../../fixtures/images.js';
import { answerOf, codeOf } from '../../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../../support/http-app.js';
import { drawPixels, makeJpeg, makePng } from '../../support/make-image.js';

let app: App;
let door: HttpDoor;

beforeAll(async () => {
  app = await buildMemoryApp();
  door = await openHttpDoor(app.operations);
});
afterAll(async () => {
  await door.close();
  await app.close();
});

/** Names of the chunks of a WebP: https://developers.google.com/speed/webp/docs/riff_container. */
function webpChunks(bytes: Buffer): readonly string[] {
  const names: string[] = [];
  for (let at = 12; at < bytes.byteLength;) {
    names.push(bytes.toString('latin1', at, at + 4));
    const sizeBytes = bytes.readUInt32LE(at + 4);
    at += 8 + sizeBytes + (sizeBytes % 2);
  }
  return names;
}

describe('renditions and thumbnails', () => {
  const expectPixelsOnly = async (bytes: Buffer): Promise<void> => {
    const { image } = await door.client.upload(bytes);
    for (const path of [image.renditionUrl, image.thumbnailUrl]) {
      const chunks = webpChunks((await door.client.get(path)).body);
      expect(chunks.length).toBeGreaterThan(0);
      // EXIF, XMP and ICCP would stand in chunks of their own.
      expect(new Set([...chunks, 'VP8 ', 'VP8L', 'VP8X', 'ALPH']).size).toBe(4);
    }
  };

  test('of a photo that tells place, camera, author and profile hold pixels alone', async () => {
    const photo = await sharp(drawPixels(3, 120, 90), { raw: { width: 120, height: 90, channels: 3 } })
      .withIccProfile('p3')
      .withExif({
        IFD0: { Make: 'SECRETCAMERA', Artist: 'SECRETAUTHOR' },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1', GPSLongitudeRef: 'W', GPSLongitude: '0/1 7/1 0/1' },
      })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret>SECRETXMP</secret></x:xmpmeta>')
      .jpeg()
      .toBuffer();
    const metadata = await sharp(photo).metadata();
    // GPSInfo, the pointer to what tells the place.
    expect(
      metadata.exif?.includes(Buffer.from([0x25, 0x88])) ?? metadata.exif?.includes(Buffer.from([0x88, 0x25])),
    ).toBe(true);
    expect([metadata.xmp, metadata.icc].every((part) => part !== undefined)).toBe(true);
    await expectPixelsOnly(photo);
  });

  test.each(
    acceptedFixtures.filter(({ file }) => /wide-gamut|orientation-6|cmyk-profile|animated|avif|tiff/.test(file)),
  )('of $file hold pixels alone', async (fixture) => {
    await expectPixelsOnly(fixtureBytes(fixture));
  });
});

describe('an original', () => {
  const filenameOf = (headers: Headers): string | undefined =>
    /filename="?([^";]*)/.exec(headers.get('content-disposition') ?? '')?.[1];

  test.each([
    ['page.html', 'page.html.png'],
    ['run.svg', 'run.svg.png'],
    ['unnamed', 'unnamed.png'],
    ['photo.jpg', 'photo.jpg.png'],
    ['Photo.PNG', 'Photo.PNG'],
  ])('that was sent as %s is saved as %s, and is of the type that its bytes are', async (sent, saved) => {
    // Pictures of their own: the same bytes would keep the name that they came with first.
    const { image } = await door.client.upload(await makePng(Buffer.from(sent).readUInt32LE()), sent);
    expect(image.filename).toBe(sent);
    const { headers } = await door.client.get(image.url);
    expect(headers.get('content-type')).toBe('image/png');
    expect(filenameOf(headers)).toBe(saved);
  });

  test('in HEIC comes back as it was sent, as WebP otherwise, and its name tells nothing', async () => {
    const heic = heifFixture('plain.heic');
    const { image } = await door.client.upload(heic, 'IMG_0001.jpg');
    expect(image).toMatchObject({ mediaType: 'image/heic', width: 96, height: 72 });
    const original = await door.client.get(image.url);
    expect(original.headers.get('content-type')).toBe('image/heic');
    expect(filenameOf(original.headers)).toBe('IMG_0001.jpg.heic');
    expect(original.body.equals(heic)).toBe(true);
    const rendition = await sharp((await door.client.get(image.renditionUrl)).body).metadata();
    expect(rendition).toMatchObject({ format: 'webp', width: 96, height: 72 });

    const jpeg = await door.client.upload(await makeJpeg(61), 'IMG_0002.heic');
    expect(jpeg.image).toMatchObject({ filename: 'IMG_0002.heic', mediaType: 'image/jpeg' });
  });

  test('is refused to everybody where originals are not served, in every way of asking', async () => {
    const pixels = await openHttpDoor(app.operations, { serveOriginals: false });
    const { image } = await pixels.client.upload(await makeJpeg(60));
    for (const [method, headers] of [
      ['GET', {}],
      ['HEAD', {}],
      ['GET', { range: 'bytes=0-9' }],
      ['GET', { 'if-none-match': `"${image.sha256}"` }],
    ] as const) {
      const answer = await pixels.client.ask(method, image.url, headers);
      expect(answer.status).toBe(403);
      expect(answer.headers.etag).toBeUndefined();
      if (method === 'GET') expect(codeOf(answerOf(answer))).toBe('FORBIDDEN');
    }
    for (const path of [image.renditionUrl, image.thumbnailUrl]) {
      expect((await pixels.client.get(path)).status).toBe(200);
    }
    expect(await pixels.client.similar(image.id)).toBeDefined();
    await pixels.close();
  });
});
