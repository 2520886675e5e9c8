import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seriousFindings } from '../support/axe.js';
import { openBrowser } from '../support/browser.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage, pasteFile } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

const stored = 120;
let browser: Browser;
let server: TestServer;
let ids: readonly string[];
let queryBytes: Buffer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  const uploaded: string[] = [];
  for (let seed = 0; seed < stored; seed++) {
    const { image } = await server.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`);
    uploaded.push(image.id);
  }
  ids = uploaded;
  queryBytes = await makeJpeg(7, { width: 192, height: 144 });
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/images', name);
const hits = (page: Page) => page.getByRole('region', { name: 'Results' }).getByRole('article');
const queryPanel = (page: Page) => page.getByRole('region', { name: 'Query' });

describe('searching on the page', () => {
  it.each<readonly [string, (page: Page) => Promise<void>]>([
    ['dropped anywhere', (page) => dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }])],
    ['pasted from the clipboard', (page) => pasteFile(page, { name: 'query.jpg', bytes: queryBytes })],
    [
      'chosen',
      async (page) => {
        const file = join(server.folder, 'query.jpg');
        await writeFile(file, queryBytes);
        const chooser = page.waitForEvent('filechooser');
        await page.getByRole('button', { name: 'Choose a picture' }).click();
        await (await chooser).setFiles(file);
      },
    ],
  ])('finds what looks like a picture that was %s', async (_, give) => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('button', { name: 'Choose a picture' }).waitFor();
    await give(page);
    await hits(page).nth(9).waitFor();
    expect(await hits(page).count()).toBe(10);
    expect(await hits(page).first().innerText()).toMatch(/[01]\.\d{3}\s+picture-7\.jpg\s+96 × 72, \d KB/);
    expect(await queryPanel(page).innerText()).toMatch(/query\.jpg[^]*100 pictures in \d/);
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(1);
    expect(problems).toEqual([]);
    await close();
  });

  it('asks a phone for its camera', async () => {
    const { page, close } = await openPage(browser, server.url, { hasTouch: true, isMobile: true });
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Take a photo' }).tap();
    expect(await (await chooser).element().getAttribute('capture')).toBe('environment');
    await (await chooser).setFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: queryBytes });
    await hits(page).first().waitFor();
    await close();
  });

  it('reveals up to 100 results of one request, with the query in view', async () => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await hits(page).nth(9).waitFor();
    // The button is pressed by its key: to scroll it into view for a mouse reveals more as well, which moves it away from under the mouse.
    await page.getByRole('button', { name: 'Show more' }).press('Enter');
    await expect.poll(() => hits(page).count()).toBeGreaterThanOrEqual(20);
    for (let count = 20; count < 100; count = await hits(page).count()) {
      await page.mouse.wheel(0, 4000);
      await expect.poll(() => hits(page).count()).toBeGreaterThan(count);
    }
    expect(await hits(page).count()).toBe(100);
    expect(await page.getByRole('button', { name: 'Show more' }).count()).toBe(0);
    expect(await page.evaluate<number>('window.scrollY')).toBeGreaterThan(500);
    expect((await queryPanel(page).boundingBox())?.y).toBeGreaterThanOrEqual(0);
    // One request for all results; the other one asks what may be done with the picture.
    expect(operations.filter((name) => name !== 'SearchStart' && name !== 'AskRights')).toEqual(['multipart']);
    expect(problems).toEqual([]);
    await close();
  });

  it('makes a result the next query, under an address that can be shared; back goes back without sending again', async () => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await hits(page).nth(9).waitFor();
    await hits(page)
      .nth(2)
      .getByRole('link', { name: /^Pictures like/ })
      .click();
    await page.waitForURL(/\/search\/[-0-9a-f]{36}$/);
    const address = page.url();
    expect(ids).toContain(address.split('/').at(-1));
    await queryPanel(page)
      .getByText(/picture-\d+\.jpg/)
      .waitFor();
    const first = hits(page).first();
    await expect.poll(() => first.innerText()).not.toContain('picture-7.jpg\n96');
    await page.goBack();
    await queryPanel(page).getByText('query.jpg').waitFor();
    await hits(page).first().getByText('picture-7.jpg').waitFor();
    await page.goForward();
    await page.waitForURL(address);
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(1);

    const other = await openPage(browser, address);
    await hits(other.page).nth(9).waitFor();
    expect(await hits(other.page).first().innerText()).toBe(await hits(page).first().innerText());
    expect([...problems, ...other.problems]).toEqual([]);
    await other.close();
    await close();
  });

  it('searches for the part that a box is drawn around, and for the whole again', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/search/${ids[3] ?? ''}`);
    await hits(page).nth(9).waitFor();
    const whole = await hits(page).first().innerText();
    const picture = page.getByRole('img', { name: /^The query/ });
    const box = await picture.boundingBox();
    if (box === null) throw new Error('The query is not in view');
    const request = page.waitForRequest((each) => /"region":\{"x":0\.1/.test(each.postData() ?? ''));
    await page.mouse.move(box.x + box.width * 0.1, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5, { steps: 4 });
    await page.mouse.up();
    const { region } = (JSON.parse((await request).postData() ?? '{}') as { variables: { region: Region } }).variables;
    for (const [name, share] of Object.entries({ x: 0.1, y: 0.2, width: 0.4, height: 0.3 })) {
      expect(Math.abs(region[name as keyof Region] - share), name).toBeLessThan(0.02);
    }
    expect(page.url()).toMatch(/\?region=\d+-\d+-\d+-\d+$/);
    await expect.poll(() => hits(page).first().innerText()).not.toBe(whole);
    await page.reload();
    await hits(page).nth(9).waitFor();
    await page.getByRole('button', { name: 'Whole picture' }).click();
    await expect.poll(() => hits(page).first().innerText()).toBe(whole);
    expect(problems).toEqual([]);
    await close();
  });

  it('takes a part by keys alone, of a picture of the device too', async () => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await hits(page).nth(9).waitFor();
    await page.getByRole('button', { name: 'Select a part' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(`document.activeElement.getAttribute('role')`)).toBe('application');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('50 % wide, 52 % high, 23 % from the left, 25 % from the top').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/search\?region=230-250-500-520$/);
    await expect.poll(() => operations.filter((name) => name === 'multipart').length).toBe(2);
    await page.getByRole('button', { name: 'Whole picture' }).waitFor();
    await hits(page).nth(9).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Select a part' }).waitFor();
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(2);
    expect(problems).toEqual([]);
    await close();
  });

  it('searches with several files one by one, and says how many it left out', async () => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    const files = await Promise.all(
      Array.from({ length: 22 }, async (_, seed) => ({
        name: `several-${seed}.jpg`,
        bytes: await makeJpeg(seed, { width: 192, height: 144 }),
      })),
    );
    const sent = () => operations.filter((name) => name === 'multipart').length;
    await dropFiles(page, files);
    await queryPanel(page).getByText('several-0.jpg').waitFor();
    await hits(page).first().getByText('picture-0.jpg').waitFor();
    const strip = page.getByRole('navigation', { name: 'Pictures searched for one by one' });
    await strip.getByText('Picture 1 of 20, searched for one by one. 2 more were left out').waitFor();
    expect(await strip.getByRole('link').count()).toBe(20);
    expect(sent()).toBe(1);
    await strip.getByRole('link', { name: 'Search with several-9.jpg' }).click();
    await queryPanel(page).getByText('several-9.jpg').waitFor();
    await hits(page).first().getByText('picture-9.jpg').waitFor();
    await strip.getByText('Picture 10 of 20').waitFor();
    expect(sent()).toBe(2);
    expect(await seriousFindings(page)).toEqual([]);

    // Found already: nothing is sent again.
    await strip.getByRole('link', { name: 'Search with several-0.jpg' }).click();
    await hits(page).first().getByText('picture-0.jpg').waitFor();
    expect(sent()).toBe(2);
    await queryPanel(page).getByRole('link', { name: 'Compare methods' }).click();
    await strip.getByText('Picture 1 of 20').waitFor();
    await strip.getByRole('link', { name: 'Search with several-3.jpg' }).click();
    await page.getByRole('heading', { level: 2, name: 'several-3.jpg' }).waitFor();
    await page.getByRole('region', { name: 'Method A' }).getByText('picture-3.jpg').waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('leaves files that are no pictures out of several, and says how many', async () => {
    const { page, problems, operations, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    const letter = { name: 'letter.txt', bytes: Buffer.from('Dear all,'), type: 'text/plain' };
    const film = { name: 'film.mp4', bytes: Buffer.from('film'), type: 'video/mp4' };
    // The browser does not know a type for every picture that the server reads.
    const others = [{ name: 'untyped', bytes: await makeJpeg(9, { width: 192, height: 144 }), type: '' }, film];
    await dropFiles(page, [letter, { name: 'query.jpg', bytes: queryBytes }, ...others]);
    await hits(page).first().getByText('picture-7.jpg').waitFor();
    const strip = page.getByRole('navigation', { name: 'Pictures searched for one by one' });
    await strip
      .getByText('Picture 1 of 2, searched for one by one. 2 files that are no pictures were left out')
      .waitFor();
    expect(await strip.getByRole('link').count()).toBe(2);
    expect(await queryPanel(page).getByText('query.jpg').count()).toBe(1);

    await dropFiles(page, [letter, others[0] ?? film]);
    await queryPanel(page).getByText('untyped').waitFor();
    await hits(page).first().getByText('picture-9.jpg').waitFor();
    await page.getByText('1 file that is no picture was left out').waitFor();
    expect(await strip.count()).toBe(0);
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(2);

    // None is a picture: the first one says so.
    await dropFiles(page, [letter, film]);
    await page.getByRole('alert').getByText('This kind of file cannot be read').waitFor();
    await page.getByText('1 file that is no picture was left out').waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('adds the picture that was searched with to the gallery, and forgets it once it is deleted', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    const before = await server.client.totalCount();
    await dropFiles(page, [{ name: 'added.jpg', bytes: await makeJpeg(900) }]);
    await hits(page).nth(9).waitFor();
    await queryPanel(page).getByRole('button', { name: 'Add this picture to the gallery' }).click();
    await queryPanel(page).getByText('Stored.').waitFor();
    expect(await server.client.totalCount()).toBe(before + 1);
    await queryPanel(page).getByRole('link', { name: 'Open added.jpg' }).click();
    await page.getByRole('heading', { level: 1, name: 'added.jpg' }).waitFor();
    await page.goBack();
    await queryPanel(page).getByText('Stored.').waitFor();

    // Somebody else deletes it: that is found out when the search is shown again.
    await page.getByRole('banner').getByRole('link', { name: 'Gallery' }).click();
    const [added] = await server.client.allImages();
    expect(added?.filename).toBe('added.jpg');
    await server.client.data('mutation ($id: ID!) { deleteImage(id: $id) { deletedId } }', { id: added?.id });
    await page.goBack();
    await queryPanel(page).getByRole('button', { name: 'Add this picture to the gallery' }).click();
    await queryPanel(page).getByText('Stored.').waitFor();

    // The same picture again finds what was added.
    await dropFiles(page, [{ name: 'again.jpg', bytes: await makeJpeg(900) }]);
    await hits(page).first().getByText('added.jpg').waitFor();
    await hits(page).first().getByRole('link', { name: 'added.jpg', exact: true }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${server.url}/gallery`);
    await page.goBack();
    await queryPanel(page).getByText('again.jpg').waitFor();
    await hits(page).first().waitFor();
    expect(await hits(page).getByText('added.jpg').count()).toBe(0);
    await page.goBack();
    await queryPanel(page).getByRole('button', { name: 'Add this picture to the gallery' }).waitFor();
    expect(await server.client.totalCount()).toBe(before);
    expect(problems).toEqual([]);
    await close();
  });

  it('shows two pictures side by side on a phone, however large its letters are', async () => {
    for (const [width, fontSize] of [
      [320, 16],
      [390, 24],
    ] as const) {
      const { page, close } = await openPage(browser, 'about:blank', {
        viewport: { width, height: 800 },
        hasTouch: true,
        isMobile: true,
      });
      for (const path of ['/', `/search/${ids[3] ?? ''}`, `/image/${ids[3] ?? ''}`, '/gallery']) {
        await page.goto(server.url + path);
        await page.evaluate(`document.documentElement.style.fontSize = '${fontSize}px'`);
        const tiles = page.locator('main').locator('.grid, .gallery__list').getByRole('article');
        await tiles.nth(1).waitFor();
        await expect
          .poll(async () => (await tiles.nth(1).boundingBox())?.y)
          .toBe((await tiles.first().boundingBox())?.y);
        expect([path, fontSize, await page.evaluate<number>('document.documentElement.scrollWidth')]).toEqual([
          path,
          fontSize,
          width,
        ]);
      }
      await close();
    }
  });

  it('says what is wrong with a file, and takes the next one', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'letter.txt', bytes: Buffer.from('Dear all,'), type: 'text/plain' }]);
    await page.getByRole('alert').getByText('This kind of file cannot be read').waitFor();
    await dropFiles(page, [{ name: 'cut.jpg', bytes: queryBytes.subarray(0, 900) }]);
    await page.getByRole('alert').getByText('The picture is damaged').waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await hits(page).nth(9).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  });

  it('shows that a search is under way, and takes an answer that comes late', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/graphql', async (route) => {
      await released;
      await route.continue();
    });
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await page.getByRole('progressbar', { name: /Searching|Sending/ }).waitFor();
    expect(await queryPanel(page).getByText('query.jpg').count()).toBe(1);
    release();
    await hits(page).nth(9).waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
  });

  it('searches with a picture that the browser itself cannot show', async () => {
    const { page, problems, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'scan.tif', bytes: await readFile(fixture('tiff.tif')), type: 'image/tiff' }]);
    await hits(page).nth(9).waitFor();
    await page.getByText('This browser cannot show the picture').waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('keeps its layout while pictures arrive', async () => {
    const { page, close } = await openPage(browser, 'about:blank');
    await page.addInitScript(`
      window.shift = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    `);
    for (const path of ['/', `/search/${ids[3] ?? ''}`, `/image/${ids[3] ?? ''}`, '/status']) {
      await page.goto(server.url + path);
      await page.waitForLoadState('networkidle');
      // Core Web Vitals call 0.1 good; what this finds is a picture or a part that had no place kept.
      expect([path, (await page.evaluate<number>('window.shift')) < 0.01]).toEqual([path, true]);
    }
    await close();
  });

  it('says that a picture of the device is not kept, where its address is reloaded', async () => {
    const { page, close } = await openPage(browser, server.url);
    await page.getByRole('heading', { level: 2 }).waitFor();
    await dropFiles(page, [{ name: 'query.jpg', bytes: queryBytes }]);
    await hits(page).nth(9).waitFor();
    await page.reload();
    await page.getByText('was not kept').waitFor();
    expect(await page.getByRole('button', { name: 'Choose a picture' }).count()).toBe(1);
    await close();
  });

  it('says that an image is not in the gallery', async () => {
    const { page, problems, close } = await openPage(
      browser,
      `${server.url}/search/00000000-0000-8000-8000-000000000000`,
    );
    await page.getByRole('alert').getByText('This picture is not in the gallery').waitFor();
    expect(problems).toEqual([]);
    await close();
  });
});

interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
