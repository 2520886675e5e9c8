import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

describe('the page from the first start on', () => {
  it('says what to do with an empty gallery, loads the sample gallery, and finds in it', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { name: 'The gallery is empty' }).waitFor();
    await page.getByRole('link', { name: 'Add pictures of your own' }).waitFor();
    await page.getByRole('button', { name: 'Load the sample gallery' }).click();
    const bar = page.getByRole('progressbar');
    await bar.waitFor();
    // Another tab sees that it is under way, and offers no second one.
    const other = await openPage(browser, server.url);
    await page.getByRole('heading', { name: /^Or start from one of \d+/ }).waitFor({ timeout: 110_000 });
    expect(await server.client.totalCount()).toBeGreaterThan(200);
    await other.close();
    await page
      .getByRole('link', { name: /^Pictures like butterfly-/ })
      .first()
      .click();
    const first = page.getByRole('region', { name: 'Results' }).getByRole('article').first();
    await first.getByText(/^butterfly-/).waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('shows number, model and store, and how long the last search took', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/status`);
    const count = await server.client.totalCount();
    const main = page.getByRole('main');
    await main.getByText('None in this tab yet').waitFor();
    const text = await main.innerText();
    expect(text).toMatch(new RegExp(`Pictures\\s+${count}\\s+Active model\\s+semblance-compact`));
    expect(text).toContain('Embedded Postgres, in the data folder');
    await dropFiles(page, [{ name: 'query.jpg', bytes: await makeJpeg(3) }]);
    await page.getByRole('region', { name: 'Results' }).getByRole('article').first().waitFor();
    await page.getByRole('link', { name: 'Status' }).click();
    await expect
      .poll(() => main.innerText())
      .toMatch(/Embedding\s+\d[\d.]* ms\s+Database\s+\d[\d.]* ms\s+Re-ranking\s+0\.0 ms/);
    const times = await main.innerText();
    await page.reload();
    await expect.poll(() => main.innerText()).toBe(times);
    expect(problems).toEqual([]);
    await close();
  });

  it('moves the focus with the view, and names it', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
    for (const name of ['Status', 'Gallery', 'Compare', 'Search']) {
      const link = page.getByRole('navigation').getByRole('link', { name });
      await link.focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('main');
      await expect.poll(() => link.getAttribute('aria-current')).toBe('page');
      await expect
        .poll(() => page.title())
        .toMatch(name === 'Search' ? /^Semblance$/ : new RegExp(`^${name}.* · Semblance$`));
    }
    expect(problems).toEqual([]);
    await close();
  });

  it('stays usable while the server is away, and goes on when it is back', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { name: /^Or start from/ }).waitFor();
    const { folder, port } = server;
    await server.stop();
    await page
      .getByRole('link', { name: /^Pictures like/ })
      .first()
      .click();
    const away = page.getByRole('alert').getByText('The server cannot be reached').first();
    await away.waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: await makeJpeg(3) }]);
    await away.waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await away.waitFor();
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByRole('heading', { level: 1 }).or(page.getByRole('alert')).first().waitFor();
    await page.goBack();
    server = await startServer({ folder, env: { PORT: String(port) } });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('region', { name: 'Results' }).getByRole('article').first().waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  });
});
