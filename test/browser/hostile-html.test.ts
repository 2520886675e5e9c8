import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureBytes } from '../fixtures/images.js';
import type { ImageNode } from '../support/client.js';
import { openBrowser } from '../support/browser.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

/** Hears of every script that runs; and serves the same bytes as what they pretend to be, to show that they would. */
class Canary {
  readonly heard = new Set<string>();
  readonly #pages = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      response.setHeader('Access-Control-Allow-Origin', '*');
      const page = this.#pages.get(path);
      if (page === undefined) this.heard.add(path);
      else response.setHeader('Content-Type', page.type);
      response.end(page?.bytes);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  serve(path: string, type: string, bytes: Buffer): string {
    this.#pages.set(path, { type, bytes });
    return this.url + path;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const canary = new Canary();
let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  await canary.listen();
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
  canary.close();
});

const script = (name: string): string => `fetch('${canary.url}/ran-${name}')`;
const html = (name: string): string =>
  `<!doctype html><html><body><script>${script(name)}</script><img src=x onerror="${script(name)}"></body></html>`;

/** A JPEG whose comment, right behind its first marker, is a page. */
function jpegPage(name: string): Buffer {
  const text = Buffer.from(html(name));
  const head = Buffer.from([0xff, 0xd8, 0xff, 0xfe, 0, 0]);
  head.writeUInt16BE(text.length + 2, 4);
  return Buffer.concat([head, text, fixtureBytes({ file: 'jpeg.jpg' }).subarray(2)]);
}

/** Behind the end of a PNG, where decoders do not look. */
function pngPage(name: string): Buffer {
  return Buffer.concat([fixtureBytes({ file: 'png.png' }), Buffer.from(html(name))]);
}

/** A GIF whose width opens a comment of JavaScript, which ends behind the picture. */
function gifScript(name: string): Buffer {
  const gif = Buffer.from(fixtureBytes({ file: 'gif-animated.gif' }));
  gif.write('/*', 6, 'latin1');
  return Buffer.concat([gif, Buffer.from(`*/=1;${script(name)};`)]);
}

const files = [
  ['jpeg', jpegPage, 'text/html'],
  ['png', pngPage, 'text/html'],
  ['gif', gifScript, 'text/javascript'],
] as const;

describe('a hostile page that was uploaded as an image', () => {
  it.each(files)(
    'runs where it is served as what it pretends to be (%s): the test can fail',
    async (name, make, type) => {
      const url = canary.serve(`/as-${name}`, type, make(`control-${name}`));
      const page = await browser.newPage();
      if (type === 'text/html') await page.goto(url);
      else {
        await page.goto(canary.serve(`/page-${name}`, 'text/html', Buffer.from(`<script src="${url}"></script>`)));
      }
      await expect.poll(() => canary.heard.has(`/ran-control-${name}`)).toBe(true);
      await page.close();
    },
  );

  it.each(files)('does not run from this server: %s', async (name, make) => {
    const { image } = await server.client.upload(make(name), `${name}.html`);
    await expectInert(name, image);
  });
});

/** However a page of this or another origin brings the image in. */
async function expectInert(name: string, image: ImageNode): Promise<void> {
  const urls = [image.url, image.renditionUrl, image.thumbnailUrl].map((path) => server.url + path);
  const embedded = urls
    .map(
      (url) =>
        `<iframe src="${url}"></iframe><object data="${url}" type="text/html"></object>` +
        `<embed src="${url}" type="text/html"><script src="${url}"></script><link rel="stylesheet" href="${url}"><img src="${url}">`,
    )
    .join('');
  const page = await browser.newPage();
  for (const url of urls) {
    await page.goto(url);
    // It is shown as a picture: a document of the browser's own around an img, or the bytes as a download.
    expect(await page.evaluate('document.contentType')).toMatch(/^image\//);
    await page.goto(`view-source:${url}`).catch(() => undefined);
  }
  await page.goto(canary.serve(`/embeds-${name}`, 'text/html', Buffer.from(embedded)));
  await page.waitForLoadState('load');
  // From a page of this server, to which every rule about origins is open.
  await page.goto(`${server.url}${image.thumbnailUrl}`);
  await page.evaluate(
    `document.body.insertAdjacentHTML('beforeend', ${JSON.stringify(embedded)});
     for (const url of ${JSON.stringify(urls)}) document.body.append(Object.assign(document.createElement('script'), { src: url }));`,
  );
  // Each of the above has been answered by then.
  await page.waitForLoadState('networkidle');
  await page.close();
  expect([...canary.heard].filter((path) => path === `/ran-${name}`)).toEqual([]);
}
