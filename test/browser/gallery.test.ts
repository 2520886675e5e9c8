import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.js';
import { makeJpeg, makePng } from '../support/make-image.js';
import { dropFiles, openPage } from '../support/page.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

/** More than two pages of the connection. */
const stored = 150;
const hostileName = `"><img src=x onerror="window.hacked=1"><script>window.hacked=1;.jpg`;
let browser: Browser;
let server: TestServer;

beforeAll(async () => {
  [browser, server] = await Promise.all([openBrowser(), startServer()]);
  for (let seed = 0; seed < stored; seed++) {
    const metadata = { label: seed % 10 === 0 ? 'tenth' : 'other', seed };
    await server.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`, metadata);
  }
}, 300_000);
afterAll(async () => {
  await browser.close();
  await server.stop();
  await cleanUp();
});

const tiles = (page: Page) => page.getByRole('list', { name: 'Pictures', exact: true }).getByRole('listitem');
const uploads = (page: Page) => page.getByRole('region', { name: 'Adding pictures' });
const names = (page: Page) =>
  page.evaluate<string[]>(`[...document.querySelectorAll('.tile__name')].map((e) => e.textContent)`);

/** In CSS pixels, once the wheel's last turn has been followed to its end. */
async function restingScroll(page: Page): Promise<number> {
  const read = () => page.evaluate<number>('window.scrollY');
  for (let y = await read(); ;) {
    await page.waitForTimeout(300);
    const next = await read();
    if (next === y) return y;
    y = next;
  }
}

describe('the gallery', () => {
  it('shows all pictures newest first, page by page, and draws only those around what is seen', async () => {
    const { page, problems, operations, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    expect((await names(page)).slice(0, 3)).toEqual([1, 2, 3].map((back) => `picture-${stored - back}.jpg`));
    expect(operations.filter((name) => name === 'GalleryPage')).toHaveLength(1);
    const oldest = tiles(page).filter({ hasText: 'picture-0.jpg' });
    for (let turn = 0; turn < 60 && (await oldest.count()) === 0; turn++) {
      await page.mouse.wheel(0, 1500);
      await page.waitForTimeout(100);
      expect(await tiles(page).count()).toBeLessThan(90);
    }
    await oldest.waitFor();
    expect(await oldest.getAttribute('aria-posinset')).toBe(String(stored));
    expect(operations.filter((name) => name === 'GalleryPage')).toHaveLength(3);
    // The first are far above: their elements are gone, and so are their pictures.
    expect(
      await tiles(page)
        .filter({ hasText: `picture-${stored - 1}.jpg` })
        .count(),
    ).toBe(0);

    // Back from a picture the list stands where it was left, and is not asked for again.
    await oldest.scrollIntoViewIfNeeded();
    const y = await restingScroll(page);
    await oldest.getByRole('link', { name: 'Open picture-0.jpg' }).click();
    await page.getByRole('heading', { level: 1, name: 'picture-0.jpg' }).waitFor();
    await page.goBack();
    await oldest.waitFor();
    await expect.poll(async () => Math.abs((await page.evaluate<number>('window.scrollY')) - y)).toBeLessThan(5);
    expect(operations.filter((name) => name === 'GalleryPage')).toHaveLength(3);
    expect(problems).toEqual([]);
    await close();
  });

  it('filters by name, metadata and date, under an address that can be shared', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(`${stored} pictures`).waitFor();
    await page.getByLabel('Name contains').fill('PICTURE-14');
    await page.getByText('11 pictures pass the filter').waitFor();
    await page.getByLabel('Metadata field').fill('label');
    await page.getByText('Give both the field and its value').waitFor();
    await page.getByLabel('is', { exact: true }).fill('tenth');
    await page.getByText('1 picture passes the filter').waitFor();
    expect(await names(page)).toEqual(['picture-140.jpg']);
    const other = await openPage(browser, page.url());
    await other.page.getByText('1 picture passes the filter').waitFor();
    expect(await other.page.getByLabel('Name contains').inputValue()).toBe('PICTURE-14');
    await other.close();
    await page.getByLabel('Metadata field').fill('seed');
    await page.getByLabel('is', { exact: true }).fill('141');
    await expect.poll(() => names(page)).toEqual(['picture-141.jpg']);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText(`${stored} pictures`).waitFor();

    const today = new Date();
    const day = (date: Date): string =>
      [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
    const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
    await page.getByLabel('Added until').fill(day(yesterday));
    await page.getByText('No picture passes this filter').waitFor();
    await page.getByLabel('Added until').fill('');
    await page.getByLabel('Added from').fill(day(yesterday));
    await page.getByText(`${stored} pictures pass the filter`).waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('stores many dropped at once, each by itself, and says of each bad one what is wrong with it', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(`${stored} pictures`).waitFor();
    const sent: string[] = [];
    page.on('request', (request) => {
      if (/multipart/.test(request.headers()['content-type'] ?? '')) sent.push(request.url());
    });
    await dropFiles(page, [
      { name: 'new-a.jpg', bytes: await makeJpeg(1000) },
      { name: 'new-b.png', bytes: await makePng(1001), type: 'image/png' },
      { name: hostileName, bytes: await makeJpeg(1002) },
      { name: 'known.jpg', bytes: await makeJpeg(5) },
      { name: 'broken.jpg', bytes: (await makeJpeg(1003)).subarray(0, 300) },
      { name: 'notes.txt', bytes: Buffer.from('no picture'), type: 'text/plain' },
      { name: 'empty.jpg', bytes: Buffer.alloc(0) },
      { name: 'film.mp4', bytes: Buffer.from('film'), type: 'video/mp4' },
    ]);
    await uploads(page).getByText('3 pictures stored, 1 known already, 4 failed').waitFor();
    const row = (name: string) => uploads(page).getByRole('listitem').filter({ hasText: name });
    await row('new-a.jpg').getByText('Stored.').waitFor();
    await row('known.jpg').getByText('Was in the gallery already').waitFor();
    await row('broken.jpg').getByText('The picture is damaged').waitFor();
    await row('notes.txt').getByText('This kind of file cannot be read').waitFor();
    await row('film.mp4').getByText('This kind of file cannot be read').waitFor();
    await row('empty.jpg').getByText('an empty file').waitFor();
    // One request a file; the film was not worth one.
    expect(sent).toHaveLength(7);
    // They stand in the gallery without its being read again.
    await page.getByText(`${stored + 3} pictures, the newest first`).waitFor();
    await tiles(page).getByText(hostileName).waitFor();
    await row('<script>').getByRole('link').click();
    await page.waitForURL(/\/image\//);
    await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toBe(hostileName);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(problems).toEqual([]);
    await close();
  });

  it('fills its bar when all are done, and forgets pictures that were deleted', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`, {
      viewport: { width: 1440, height: 900 },
    });
    await page.getByText(/\d pictures, the newest/).waitFor();
    await dropFiles(page, [
      { name: 'kept.jpg', bytes: await makeJpeg(1100) },
      { name: 'gone.jpg', bytes: await makeJpeg(1101) },
      { name: 'elsewhere.jpg', bytes: await makeJpeg(1102) },
      { name: 'unopened.jpg', bytes: await makeJpeg(1103) },
    ]);
    await uploads(page).getByText('4 pictures stored').waitFor();
    const widthOf = async (selector: string) => (await uploads(page).locator(selector).first().boundingBox())?.width;
    // The colour runs after the figure for a moment.
    await expect.poll(() => widthOf('.progress__fill')).toBe(await widthOf('.uploads__list'));

    await uploads(page).getByRole('link', { name: 'Open gone.jpg' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${server.url}/gallery`);
    await uploads(page).getByText('3 pictures stored').waitFor();
    expect(await uploads(page).getByText('gone.jpg').count()).toBe(0);

    // Somebody else deletes it: that is found out when the gallery is shown again, or when the picture is opened.
    const deleteElsewhere = async (name: string) => {
      const [image] = (await server.client.allImages()).filter(({ filename }) => filename === name);
      await server.client.data('mutation ($id: ID!) { deleteImage(id: $id) { deletedId } }', { id: image?.id });
    };
    const views = page.getByRole('banner');
    await views.getByRole('link', { name: 'Search', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Find pictures by picture' }).waitFor();
    await deleteElsewhere('unopened.jpg');
    await views.getByRole('link', { name: 'Gallery' }).click();
    await uploads(page).getByText('2 pictures stored').waitFor();
    expect(await uploads(page).getByText('unopened.jpg').count()).toBe(0);
    await deleteElsewhere('elsewhere.jpg');
    await uploads(page).getByRole('link', { name: 'Open elsewhere.jpg' }).click();
    await page.getByRole('alert').getByText('This picture is not in the gallery').waitFor();
    await page.goBack();
    await uploads(page).getByText('1 picture stored').waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('tells pictures of one filename apart by their label or their path', async () => {
    await server.client.upload(await makeJpeg(1200), '0001.jpg', { label: 'newt', path: 'pond/0001.jpg' });
    await server.client.upload(await makeJpeg(1201), '0001.jpg', { path: 'wood/deer/0001.jpg', label: 7 });
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery?name=0001.jpg`);
    await page.getByText('2 pictures pass the filter').waitFor();
    const texts = () => tiles(page).allInnerTexts();
    await expect
      .poll(texts)
      .toEqual([
        expect.stringMatching(/0001\.jpg\s+wood\/deer\/0001\.jpg\s+96 × 72/),
        expect.stringMatching(/0001\.jpg\s+newt\s+96 × 72/),
      ]);
    await page.getByRole('button', { name: 'Select', exact: true }).click();
    await expect.poll(texts).toEqual([expect.stringContaining('wood/deer/0001.jpg'), expect.stringContaining('newt')]);
    for (const box of await page.getByRole('checkbox').all()) await box.check();
    await page.getByRole('region', { name: 'Selection' }).getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete 2 pictures?' });
    await dialog.getByText('newt').waitFor();
    await dialog.getByText('wood/deer/0001.jpg').waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(problems).toEqual([]);
    await close();
  });

  it('takes a folder, chosen or dragged, with what lies in its folders', async () => {
    const folder = join(server.folder, 'holiday');
    await mkdir(join(folder, 'beach'), { recursive: true });
    await writeFile(join(folder, 'first.jpg'), await makeJpeg(2000));
    await writeFile(join(folder, 'beach', 'second.jpg'), await makeJpeg(2001));
    await writeFile(join(folder, '.DS_Store'), 'of the system');
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(/\d pictures, the newest/).waitFor();
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Add a folder' }).click();
    await (await chooser).setFiles(folder);
    await uploads(page).getByText('2 pictures stored').waitFor();
    expect(await uploads(page).getByRole('listitem').count()).toBe(2);
    const [image] = await server.client.allImages();
    expect(['first.jpg', 'second.jpg']).toContain(image?.filename);
    await uploads(page).getByRole('button', { name: 'Clear the list' }).click();
    await uploads(page).waitFor({ state: 'detached' });

    const devtools = await page.context().newCDPSession(page);
    const data = { items: [], files: [folder], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await devtools.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
      if (type === 'dragOver') await page.getByText('Drop pictures or folders to add them').waitFor();
    }
    await uploads(page).getByText('0 pictures stored, 2 known already').waitFor();
    expect(await uploads(page).getByRole('listitem').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining('holiday/beach/second.jpg')]),
    );
    expect(problems).toEqual([]);
    await close();
  });

  it('keeps what could not be sent while the server is away, and sends it when asked again', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(/\d pictures, the newest/).waitFor();
    const { folder, port } = server;
    await server.stop();
    await dropFiles(page, [
      { name: 'late-a.jpg', bytes: await makeJpeg(3000) },
      { name: 'late-b.jpg', bytes: await makeJpeg(3001) },
    ]);
    await uploads(page).getByText('The server cannot be reached').nth(1).waitFor();
    server = await startServer({ folder, env: { PORT: String(port) } });
    await uploads(page).getByRole('button', { name: 'Try again: late-a.jpg' }).click();
    await uploads(page).getByText('1 picture stored, 1 failed').waitFor();
    await uploads(page).getByRole('button', { name: 'Try again: late-b.jpg' }).click();
    await uploads(page).getByText('2 pictures stored').waitFor();
    await tiles(page).getByText('late-b.jpg').waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('selects and deletes after asking, by keyboard alone', async () => {
    const { page, problems, close } = await openPage(browser, `${server.url}/gallery`);
    await page.getByText(/\d pictures, the newest/).waitFor();
    const before = await server.client.totalCount();
    const [first, , third, fourth] = await names(page);
    await page.getByRole('button', { name: 'Select', exact: true }).focus();
    await page.keyboard.press('Enter');
    for (const name of [first, third]) {
      await page.getByRole('checkbox', { name: `Select ${name ?? ''}`, exact: true }).focus();
      await page.keyboard.press('Space');
    }
    const bar = page.getByRole('region', { name: 'Selection' });
    await bar.getByText('2 selected').waitFor();
    await bar.getByRole('button', { name: 'Delete' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Delete 2 pictures?' });
    await dialog.waitFor();
    expect(await dialog.innerText()).toContain(third);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await server.client.totalCount()).toBe(before);
    await bar.getByRole('button', { name: 'Delete' }).focus();
    await page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Delete' }).focus();
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.getByText(`${before - 2} pictures, the newest first`).waitFor();
    expect(await server.client.totalCount()).toBe(before - 2);
    expect((await names(page))[1]).toBe(fourth);
    expect(problems).toEqual([]);
    await close();
  });
});
