import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import type { ImageNode } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { openPage } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

const hostileName = `<img src=x onerror="document.title='owned'">&amp;"'\u202Egpj.exe`;
const hostileMetadata = {
  label: '<script>document.title="owned"</script>',
  '<b>key</b>': { nested: ['<i>', null, 3], link: 'javascript:alert(1)' },
};

let browser: Browser;
let server: TestServer;
let images: readonly ImageNode[];
let original: Buffer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  original = await makeJpeg(0, { width: 640, height: 400 });
  const uploads = [await server.client.upload(original, hostileName, hostileMetadata)];
  for (let seed = 1; seed < 15; seed++) uploads.push(await server.client.upload(await makeJpeg(seed), `p-${seed}.jpg`));
  images = uploads.map(({ image }) => image);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

function imageAt(index: number): ImageNode {
  const image = images[index];
  if (image === undefined) throw new Error(`There is no image ${index}`);
  return image;
}

describe('the page of an image', () => {
  it('shows picture, facts and neighbours, and hostile names and metadata as text', async () => {
    const image = imageAt(0);
    const { page, problems, close } = await openPage(browser, `${server.url}/image/${image.id}`);
    expect(image.filename).toContain('<img src=x onerror=');
    await expect.poll(() => page.getByRole('heading', { level: 1 }).textContent()).toBe(image.filename);
    const text = await page.getByRole('main').innerText();
    for (const fact of ['640 × 400 pixels', 'image/jpeg', image.id, image.sha256, ...Object.keys(hostileMetadata)]) {
      expect(text).toContain(fact);
    }
    expect(text).toContain(hostileMetadata.label);
    expect(text).toContain('"javascript:alert(1)"');
    const picture = page.getByRole('img', { name: '<img src=x' });
    expect(await picture.getAttribute('src')).toBe(image.renditionUrl);
    await expect.poll(() => page.evaluate(`document.querySelector('.image__stage img').naturalWidth`)).toBe(640);
    const neighbours = page.getByRole('region', { name: 'Looks like it' }).getByRole('article');
    await neighbours.nth(9).waitFor();
    expect(await neighbours.count()).toBe(10);
    expect(await page.title()).toContain('<img src=x');
    expect(await page.locator('main script, main b, main i, main img[src=x]').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  });

  it('leads to its neighbours, to a search with it, and back', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/image/${imageAt(1).id}`);
    await page
      .getByRole('link', { name: /^Open .*, similarity/ })
      .first()
      .click();
    await expect.poll(() => page.url()).not.toContain(imageAt(1).id);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'p-1.jpg' }).waitFor();
    await page.getByRole('link', { name: 'Find similar' }).click();
    await page.waitForURL(`${server.url}/search/${imageAt(1).id}`);
    await page.getByRole('region', { name: 'Results' }).getByRole('article').first().waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('hands out the original bytes', async () => {
    const { page, close } = await openPage(browser, `${server.url}/image/${imageAt(0).id}`);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await readFile(await (await download).path())).equals(original)).toBe(true);
    await close();
  });

  it('copies a query that the server answers', async () => {
    const { page, close } = await openPage(browser, `${server.url}/image/${imageAt(2).id}`, {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.getByRole('button', { name: 'Copy the query' }).click();
    await page.getByText('Copied.').waitFor();
    const query = await page.evaluate<string>('navigator.clipboard.readText()');
    const { image } = await server.client.data<{ image: { filename: string; similarImages: unknown[] } }>(query);
    expect([image.filename, image.similarImages.length]).toEqual(['p-2.jpg', 10]);
    await close();
  });

  it('deletes the image once asked twice, and nothing of it is shown again', async () => {
    const { id } = imageAt(3);
    const { page, problems, close } = await openPage(browser, `${server.url}/search/${imageAt(4).id}`);
    const hits = page.getByRole('region', { name: 'Results' });
    await hits
      .getByRole('link', { name: 'p-3.jpg', exact: true })
      .or(page.getByRole('button', { name: 'Show more' }))
      .first()
      .waitFor();
    while ((await hits.getByRole('link', { name: 'p-3.jpg', exact: true }).count()) === 0) {
      await page.getByRole('button', { name: 'Show more' }).press('Enter');
    }
    await hits.getByRole('link', { name: 'p-3.jpg', exact: true }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete this picture?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await dialog.count()).toBe(0);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.keyboard.press('Escape');
    await expect.poll(() => dialog.count()).toBe(0);
    expect(await server.client.totalCount()).toBe(images.length);
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${server.url}/gallery`);
    expect(await server.client.totalCount()).toBe(images.length - 1);
    await page.goto(`${server.url}/image/${id}`);
    await page.getByRole('alert').getByText('This picture is not in the gallery').waitFor();
    await page.getByRole('link', { name: 'Open the gallery' }).waitFor();
    expect(problems).toEqual([]);
    await close();
  });
});
