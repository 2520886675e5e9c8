import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

/** A page of another origin, as a developer would write one: nothing but fetch and img. */
const pageSource = `<!doctype html><meta charset="utf-8"><title>A gallery elsewhere</title><script>
const preflight = { 'Apollo-Require-Preflight': 'true' };
async function multipart(api, query, bytes, filename) {
  const body = new FormData();
  body.append('operations', JSON.stringify({ query, variables: { file: null } }));
  body.append('map', JSON.stringify({ 0: ['variables.file'] }));
  body.append('0', new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }), filename);
  const response = await fetch(api + '/graphql', { method: 'POST', headers: preflight, body });
  return response.json();
}
async function uploadAndSearch(api, bytes) {
  const upload = await multipart(api,
    'mutation ($file: Upload!) { uploadImage(file: $file) { created image { id url thumbnailUrl } } }', bytes, 'page.jpg');
  const search = await multipart(api,
    'query ($file: Upload!) { searchByUpload(file: $file, k: 1) { similarity image { id } } }', bytes, 'query.jpg');
  const listed = await (await fetch(api + '/graphql', { method: 'POST',
    headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: '{ images { totalCount } }' }) })).json();
  return { upload, search, listed };
}
async function readBytes(url) { return (await (await fetch(url)).arrayBuffer()).byteLength; }
async function showImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}
/** Without reading the answer, a page can still try to send. */
async function sendBlindly(api, bytes) {
  const body = new FormData();
  body.append('operations', JSON.stringify({ query: 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }', variables: { file: null } }));
  body.append('map', JSON.stringify({ 0: ['variables.file'] }));
  body.append('0', new Blob([new Uint8Array(bytes)]), 'blind.jpg');
  await fetch(api + '/graphql', { method: 'POST', mode: 'no-cors', body });
}
</script>`;

interface Outcome {
  readonly upload: {
    readonly data: {
      readonly uploadImage: { created: boolean; image: { id: string; url: string; thumbnailUrl: string } };
    };
  };
  readonly search: {
    readonly data: { readonly searchByUpload: readonly { similarity: number; image: { id: string } }[] };
  };
  readonly listed: { readonly data: { readonly images: { totalCount: number } } };
}

describe('a page of another origin', () => {
  let browser: Browser;
  let site: Server;
  let origin: string;
  let allowing: TestServer;
  let refusing: TestServer;

  beforeAll(async () => {
    site = createServer((_, response) => response.setHeader('content-type', 'text/html').end(pageSource));
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    browser = await openBrowser();
    allowing = await startServer({ env: { SEMBLANCE_CORS_ORIGINS: origin } });
    refusing = await startServer({ env: { SEMBLANCE_CORS_ORIGINS: 'https://other.example' } });
  });
  afterAll(async () => {
    await browser.close();
    site.close();
    await Promise.all([allowing.stop(), refusing.stop()]);
    await cleanUp();
  });

  it('uploads, searches and shows images where the server lists its origin', async () => {
    const page = await browser.newPage();
    await page.goto(origin);
    const bytes = [...(await makeJpeg(1))];
    const outcome = await page.evaluate(`uploadAndSearch(${JSON.stringify(allowing.url)}, ${JSON.stringify(bytes)})`);
    const { upload, search, listed } = outcome as Outcome;
    expect(upload.data.uploadImage.created).toBe(true);
    expect(search.data.searchByUpload[0]?.image.id).toBe(upload.data.uploadImage.image.id);
    expect(search.data.searchByUpload[0]?.similarity).toBeGreaterThan(0.9999);
    expect(listed.data.images.totalCount).toBe(1);
    const { url, thumbnailUrl } = upload.data.uploadImage.image;
    expect(await page.evaluate(`readBytes(${JSON.stringify(allowing.url + url)})`)).toBe(bytes.length);
    expect(await page.evaluate(`showImage(${JSON.stringify(allowing.url + thumbnailUrl)})`)).toEqual([320, 240]);
    await page.close();
  });

  it('is kept by the browser from reading and writing where it does not', async () => {
    const page = await browser.newPage();
    await page.goto(origin);
    const bytes = [...(await makeJpeg(1))];
    const { image } = await refusing.client.upload(await makeJpeg(2));
    const call = (expression: string): Promise<unknown> => page.evaluate(expression);
    await expect(call(`uploadAndSearch(${JSON.stringify(refusing.url)}, ${JSON.stringify(bytes)})`)).rejects.toThrow(
      /Failed to fetch/,
    );
    await expect(call(`readBytes(${JSON.stringify(refusing.url + image.url)})`)).rejects.toThrow(/Failed to fetch/);
    await call(`sendBlindly(${JSON.stringify(refusing.url)}, ${JSON.stringify(bytes)})`);
    expect(await refusing.client.totalCount()).toBe(1);
    await page.close();
  });
});
