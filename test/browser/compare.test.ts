import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

let browser: Browser;
let server: TestServer;
let queryId: string;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  for (let seed = 0; seed < 40; seed++) {
    const { image } = await server.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`);
    queryId = image.id;
  }
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

const column = (page: Page, letter: string) => page.getByRole('region', { name: `Method ${letter}` });
const hits = (page: Page, letter: string) => column(page, letter).locator('ol').getByRole('listitem');

/** Of the pictures in a column, in order. */
function idsOf(page: Page, letter: string): Promise<readonly string[]> {
  const links = `section[aria-label="Method ${letter}"] .hit__name a`;
  return page.evaluate(`[...document.querySelectorAll('${links}')].map(({ pathname }) => pathname.split('/').at(-1))`);
}

describe('comparing methods', () => {
  it('shows two methods side by side as the API answers them, and marks what both found in words', async () => {
    const { page, problems, operations, close } = await openPage(browser, `${server.url}/compare`);
    await page.getByRole('link', { name: 'Compare methods for picture-39.jpg' }).click();
    await page.waitForURL(/\/compare\?image=/);
    await hits(page, 'B').nth(19).waitFor();
    await hits(page, 'A').nth(19).waitFor();
    expect(operations.filter((name) => name === 'SearchByImage')).toHaveLength(2);
    const [a, b] = [await idsOf(page, 'A'), await idsOf(page, 'B')];
    const search = `query ($id: ID!, $rerank: Rerank) { similarImages(imageId: $id, k: 20, rerank: $rerank) { image { id } } }`;
    for (const [shown, rerank] of [
      [a, null],
      [b, 'PIXEL_SSIM'],
    ] as const) {
      const { similarImages } = await server.client.data<{ similarImages: { image: { id: string } }[] }>(search, {
        id: queryId,
        rerank,
      });
      expect(shown).toEqual(similarImages.map(({ image }) => image.id));
    }
    const shared = a.filter((id) => b.includes(id));
    await page.getByText(`Of 20 results, A and B share ${shared.length}.`).waitFor();
    for (const [index, id] of a.entries()) {
      const text = await hits(page, 'A').nth(index).innerText();
      const rank = b.indexOf(id) + 1;
      if (rank > 0) expect(text).toContain(`also in B ${rank}`);
      else expect(text).not.toContain('also in');
    }
    expect(problems).toEqual([]);
    await close();
  });

  it('holds query and methods in the address, adds and removes a third', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/compare?image=${queryId}`);
    await hits(page, 'B').first().waitFor();
    await page.getByLabel('Order of B').selectOption('Query expansion');
    await page.waitForURL(/QUERY_EXPANSION/);
    await page.getByRole('button', { name: 'Add a third method' }).click();
    await hits(page, 'C').first().waitFor();
    await page.getByText(/all share \d+\.$/).waitFor();
    const other = await openPage(browser, page.url());
    await hits(other.page, 'C').first().waitFor();
    expect(await other.page.getByLabel('Order of B').inputValue()).toBe('QUERY_EXPANSION');
    expect(await idsOf(other.page, 'C')).toEqual(await idsOf(page, 'C'));
    await other.close();
    await page.getByRole('button', { name: 'Remove method A' }).click();
    await column(page, 'C').waitFor({ state: 'detached' });
    expect(await page.getByLabel('Order of A').inputValue()).toBe('QUERY_EXPANSION');
    expect(problems).toEqual([]);
    await close();
  });

  it('offers no method that needs what is not there, and says what to do', async () => {
    const { page, problems, operations, close } = await openPage(browser, `${server.url}/compare?image=${queryId}`);
    await hits(page, 'A').first().waitFor();
    const option = page.getByLabel('Order of A').locator('option[value=LEARNED_LABELS]');
    expect(await option.isDisabled()).toBe(true);
    expect(await option.textContent()).toContain('not trained');
    await column(page, 'A').getByText('About this, and 2 that cannot be chosen').click();
    await column(page, 'A').getByText('run semblance train-scorer --kind labels --space semblance-compact').waitFor();
    const asked = operations.filter((name) => name === 'SearchByImage').length;
    await page.goto(`${server.url}/compare?image=${queryId}&method=semblance-compact:LEARNED_LABELS&method=nothing`);
    await column(page, 'A').locator('.note').getByText('run semblance train-scorer').waitFor();
    await column(page, 'B').getByText('There is no space “nothing” any more').waitFor();
    expect(operations.filter((name) => name === 'SearchByImage')).toHaveLength(asked);
    expect(problems).toEqual([]);
    await close();
  });

  it('keeps the part that was searched for, of a stored picture and of one of the device', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/search/${queryId}?region=100-200-400-500`);
    const whole = await openPage(browser, `${server.url}/compare?image=${queryId}`);
    await hits(whole.page, 'A').nth(19).waitFor();
    await page.getByRole('link', { name: 'Compare methods' }).click();
    await page.waitForURL(/\/compare\?image=[^&]+&region=100-200-400-500$/);
    await hits(page, 'A').nth(19).waitFor();
    await hits(page, 'B').nth(19).waitFor();
    const search = `query ($id: ID!, $rerank: Rerank) { similarImages(imageId: $id, k: 20, rerank: $rerank,
      region: { x: 0.1, y: 0.2, width: 0.4, height: 0.5 }) { image { id } } }`;
    for (const [letter, rerank] of [
      ['A', null],
      ['B', 'PIXEL_SSIM'],
    ] as const) {
      const { similarImages } = await server.client.data<{ similarImages: { image: { id: string } }[] }>(search, {
        id: queryId,
        rerank,
      });
      expect(await idsOf(page, letter)).toEqual(similarImages.map(({ image }) => image.id));
    }
    expect(await idsOf(page, 'A')).not.toEqual(await idsOf(whole.page, 'A'));
    await page.getByText('By the part in the frame: 40 % wide, 50 % high').waitFor();
    await page.getByLabel('Order of B').selectOption('Query expansion');
    await page.waitForURL(/region=100-200-400-500&method=.*QUERY_EXPANSION/);
    await page.getByRole('link', { name: 'Whole picture' }).click();
    await expect.poll(() => idsOf(page, 'A')).toEqual(await idsOf(whole.page, 'A'));

    await page.goto(server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'mine.jpg', bytes: await makeJpeg(7, { width: 192, height: 144 }) }]);
    await page.getByRole('button', { name: 'Select a part' }).click();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/search\?region=250-250-500-500$/);
    await page.getByRole('link', { name: 'Compare methods' }).click();
    await page.waitForURL(/\/compare\?region=250-250-500-500$/);
    await page.getByText('By the part in the frame: 50 % wide, 50 % high').waitFor();
    await hits(page, 'A').first().waitFor();
    expect([...problems, ...whole.problems]).toEqual([]);
    await whole.close();
    await close();
  });

  it('compares with a picture of the device, sent once a method', async () => {
    const { page, problems, operations, close } = await openPage(browser, `${server.url}/compare`);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'mine.jpg', bytes: await makeJpeg(7, { width: 192, height: 144 }) }]);
    await hits(page, 'A').first().getByText('picture-7.jpg').waitFor();
    await hits(page, 'B').first().waitFor();
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(2);
    await page.getByLabel('Order of B').selectOption('Inner product');
    await page.waitForURL(/INNER_PRODUCT/);
    await expect.poll(() => operations.filter((name) => name === 'multipart').length).toBe(3);
    await page.getByLabel('Order of B').selectOption('SSIM of pixels');
    await hits(page, 'B').first().waitFor();
    await hits(page, 'A').first().getByRole('link', { name: 'picture-7.jpg' }).click();
    await page.waitForURL(/\/image\//);
    await page.goBack();
    await page.getByRole('heading', { name: 'mine.jpg' }).waitFor();
    await hits(page, 'A').first().waitFor();
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(3);
    expect(problems).toEqual([]);
    await close();
  });
});
