import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  for (let seed = 0; seed < 5; seed++) await server.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

const cdn = /apollographql\.com/;

async function openExplorer(prepare: (page: Page) => Promise<unknown>): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await prepare(page);
  await page.goto(`${server.url}/graphql`, { waitUntil: 'commit' });
  return { page, problems };
}

describe('/graphql in a browser', () => {
  it.each<readonly [string, (page: Page) => Promise<unknown>]>([
    ['is refused', (page) => page.route(cdn, (route) => route.abort('connectionrefused'))],
    // A firewall that drops packets: the request is never answered.
    ['never answers', (page) => page.route(cdn, () => undefined)],
  ])("falls back to a GraphiQL of this server where Apollo's CDN %s", async (_, prepare) => {
    const { page, problems } = await openExplorer(prepare);
    await page.locator('.graphiql-container').waitFor();
    const answered = page.waitForResponse(
      (response) =>
        response.request().method() === 'POST' && /imageCount|totalCount/.test(response.request().postData() ?? ''),
    );
    await page.getByRole('button', { name: /execute query/i }).click();
    const response = await answered;
    expect(response.status()).toBe(200);
    // The header with which it is no simple request, that any page could send.
    expect(response.request().headers()['apollo-require-preflight']).toBeTruthy();
    await page.locator('.result-window').getByText('picture-4.jpg').first().waitFor();
    expect(problems.filter((text) => !/ERR_CONNECTION_REFUSED|Failed to load resource/.test(text))).toEqual([]);
    await page.close();
  });

  it('uploads an image through the form of the fallback', async () => {
    const { page } = await openExplorer((each) => each.route(cdn, (route) => route.abort('connectionrefused')));
    const file = join(server.folder, 'chosen ü.jpg');
    await writeFile(file, await makeJpeg(50));
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('button', { name: 'uploadImage' }).click();
    await page.locator('output').getByText('stored: ').waitFor();
    await page.locator('output').getByAltText('chosen ü.jpg').waitFor();
    expect((await server.client.allImages())[0]?.filename).toBe('chosen ü.jpg');
    await page.close();
  });

  it('offers an example of every field, and sends the chosen files with those that take some', async () => {
    const { page, problems } = await openExplorer((each) =>
      each.route(cdn, (route) => route.abort('connectionrefused')),
    );
    await page.locator('.graphiql-container').waitFor();
    const choice = page.getByLabel('Example');
    const result = page.locator('.result-window');
    const execute = () => page.getByRole('button', { name: /execute query/i }).click();
    /** Waits until the editor holds the example: executed before that, GraphiQL sends the former one. */
    const choose = async (field: string): Promise<void> => {
      await choice.selectOption(field);
      await page.locator('.graphiql-query-editor').getByText(field).first().waitFor();
    };
    await choose('searchByUpload');
    await execute();
    await result.getByText('Choose a file above first: it is sent as $file').waitFor();
    const chosen = await Promise.all(
      [2, 60].map(async (seed) => ({
        name: `chosen-${seed}.jpg`,
        mimeType: 'image/jpeg',
        buffer: await makeJpeg(seed),
      })),
    );
    await page.locator('input[type=file]').setInputFiles(chosen);
    await execute();
    await result.getByText('"picture-2.jpg"').waitFor();
    await choose('uploadImages');
    await execute();
    await result.getByText('"chosen-60.jpg"').waitFor();
    expect((await server.client.allImages())[0]).toMatchObject({ filename: 'chosen-60.jpg' });
    await choose('status');
    await execute();
    await result.getByText('imageCount').waitFor();
    expect(problems.filter((text) => !/ERR_CONNECTION_REFUSED|Failed to load resource/.test(text))).toEqual([]);
    await page.close();
  });

  it("opens Apollo Sandbox with the preflight header set, where Apollo's CDN answers", async () => {
    const script = `window.EmbeddedSandbox = class { constructor(options) { window.sandboxOptions = options; } };`;
    const { page } = await openExplorer((each) =>
      each.route(cdn, (route) => route.fulfill({ contentType: 'text/javascript', body: script })),
    );
    // Not waitForFunction: the page's policy forbids the eval that it works by.
    await expect.poll(() => page.evaluate('window.sandboxOptions !== undefined')).toBe(true);
    const options: { initialEndpoint: string; initialState: { sharedHeaders: Record<string, string> } } =
      await page.evaluate('window.sandboxOptions');
    expect(options.initialEndpoint).toBe(`${server.url}/graphql`);
    expect(options.initialState.sharedHeaders['Apollo-Require-Preflight']).toBeTruthy();
    expect(await page.locator('.graphiql-container').count()).toBe(0);
    await page.close();
  });

  it('may not be framed by another page', async () => {
    const page = await browser.newPage();
    await page.setContent(`<iframe src="${server.url}/graphql"></iframe>`);
    const frame = page.frames()[1];
    await frame?.waitForLoadState().catch(() => undefined);
    expect(await frame?.locator('#sandbox').count()).toBe(0);
    await page.close();
  });
});
