import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.js';
import { openBrowser } from '../support/browser.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../support/http-app.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage } from '../support/page.js';
import { openPrefixProxy } from '../support/prefix-proxy.js';

const pathPrefix = '/pictures/vision';

let app: App;
let door: HttpDoor;
let browser: Browser;
let imageId: string;

beforeAll(async () => {
  [app, browser] = await Promise.all([buildMemoryApp(), openBrowser()]);
  door = await openHttpDoor(app.operations, { pathPrefix });
  for (let seed = 0; seed < 3; seed++) {
    imageId = (await door.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`)).image.id;
  }
});
afterAll(async () => {
  await browser.close();
  await door.close();
  await app.close();
});

/** Waits until as many pictures as there are have been shown, each drawn. */
const drawn = (page: Page, atLeast: number) =>
  expect
    .poll(() => page.evaluate('[...document.images].filter((image) => image.naturalWidth > 0).length'))
    .toBeGreaterThanOrEqual(atLeast);

describe.each([{ strips: true }, { strips: false }])('behind a proxy that serves it under a path (%o)', (options) => {
  it('shows each view, its pictures and the explorer, and asks for nothing outside of the path', async () => {
    const proxy = await openPrefixProxy(door.client.url, pathPrefix, options);
    const { page, problems, close } = await openPage(browser, `${proxy.url}/`);
    await page.route(/apollographql\.com/, (route) => route.abort('connectionrefused'));
    await drawn(page, 3);
    await page
      .getByRole('link', { name: /^Pictures like picture-/ })
      .first()
      .click();
    await page.getByRole('region', { name: 'Results' }).getByRole('article').first().waitFor();
    expect(page.url()).toMatch(new RegExp(`^${proxy.url}/search/[0-9a-f-]+$`));
    await page.reload();
    await drawn(page, 3);
    for (const [name, path] of [
      ['Gallery', 'gallery'],
      ['Compare', 'compare'],
      ['Status', 'status'],
    ] as const) {
      await page.getByRole('navigation').getByRole('link', { name }).click();
      await page.waitForURL(`${proxy.url}/${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    }
    await dropFiles(page, [{ name: 'query.jpg', bytes: await makeJpeg(9) }]);
    await page.getByRole('region', { name: 'Results' }).getByRole('article').first().waitFor();
    expect(page.url()).toBe(`${proxy.url}/search`);
    await page.goto(`${proxy.url}/image/${imageId}`);
    await drawn(page, 1);
    await page.goto(`${proxy.url}/graphql`);
    await page.locator('.graphiql-container').waitFor();
    await page.locator('.graphiql-execute-button').click();
    await page.getByText(`"thumbnailUrl": "${pathPrefix}/images/`).first().waitFor();
    expect(proxy.strayed).toEqual([]);
    expect(problems).toEqual([]);
    await close();
    await proxy.close();
  });
});
