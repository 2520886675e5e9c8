import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seriousFindings } from '../support/axe.js';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

const maxLayoutShift = 0.1;

let browser: Browser;
let server: TestServer;
let id: string;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  for (let seed = 0; seed < 30; seed++) {
    const { image } = await server.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`, { label: 'drawing' });
    id = image.id;
  }
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

/** Of everything that moved without anybody having done something. */
function layoutShift(page: Page): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(sum), 200);
  })`);
}

const views: readonly (readonly [string, () => string, (page: Page) => Promise<unknown>])[] = [
  ['start', () => '/', (page) => page.getByRole('article').first().waitFor()],
  [
    'results',
    () => `/search/${id}`,
    (page) => page.getByRole('region', { name: 'Results' }).getByRole('article').nth(9).waitFor(),
  ],
  ['gallery', () => '/gallery', (page) => page.getByRole('article').first().waitFor()],
  ['image', () => `/image/${id}`, (page) => page.getByRole('article').nth(10).waitFor()],
  ['compare', () => '/compare', (page) => page.getByRole('article').first().waitFor()],
  [
    'comparison',
    () => `/compare?image=${id}`,
    (page) => page.getByRole('region', { name: 'Method B' }).getByRole('listitem').nth(9).waitFor(),
  ],
  ['status', () => '/status', (page) => page.getByRole('table').waitFor()],
  ['nothing', () => '/nowhere', (page) => page.getByRole('heading', { level: 1 }).waitFor()],
];

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  it.each(views)('%s: axe-core finds nothing serious, nothing moves, the policy holds', async (_, path, settled) => {
    for (const width of colorScheme === 'light' ? [1440, 390] : [1440]) {
      const { page, problems, close } = await openPage(browser, server.url + path(), {
        colorScheme,
        viewport: { width, height: 800 },
      });
      await settled(page);
      expect(await layoutShift(page)).toBeLessThan(maxLayoutShift);
      expect(await seriousFindings(page)).toEqual([]);
      expect(problems).toEqual([]);
      expect(
        await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      ).toBeLessThanOrEqual(0);
      await close();
    }
  });
});

it('finds nothing serious in uploads, a selection and a dialog', async () => {
  const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
  await page.getByRole('article').first().waitFor();
  await dropFiles(page, [
    { name: 'added.jpg', bytes: await makeJpeg(0) },
    { name: 'broken.jpg', bytes: Buffer.from('no picture') },
  ]);
  await page.locator('.uploads__summary').getByText('1 known already, 1 failed').waitFor();
  await page.getByRole('button', { name: 'Select', exact: true }).click();
  await page.getByRole('checkbox').first().check();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  expect(problems).toEqual([]);
  await close();
});
