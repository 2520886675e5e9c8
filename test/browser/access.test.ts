import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.js';
import type { Config, Scope } from '../../src/base/config.js';
import { ApiKeyVerifier } from '../../src/access/api-keys.js';
import { seriousFindings } from '../support/axe.js';
import { openBrowser } from '../support/browser.js';
import type { ImageNode } from '../support/client.js';
import { buildMemoryApp, openHttpDoor, type HttpDoor } from '../support/http-app.js';
import { makeJpeg } from '../support/make-image.js';
import { dropFiles, openPage, type OpenPage } from '../support/page.js';

const stored = 28;
const hourMs = 3_600_000;

let browser: Browser;
let app: App;
let keys: Record<Scope, string>;
let original: Buffer;
let image: ImageNode;
let guarded: HttpDoor;

beforeAll(async () => {
  [browser, app] = await Promise.all([openBrowser(), buildMemoryApp()]);
  const open = await openHttpDoor(app.operations);
  for (let seed = 1; seed < stored; seed++) await open.client.upload(await makeJpeg(seed), `picture-${seed}.jpg`);
  original = await makeJpeg(0);
  ({ image } = await open.client.upload(original, 'original.jpg'));
  await open.close();
  const keyOf = async (scope: Scope) => (await app.operations.createApiKey({ name: scope, scope })).key;
  keys = { read: await keyOf('read'), write: await keyOf('write'), admin: await keyOf('admin') };
  guarded = await openHttpDoor(app.operations, { anonymousAccess: 'none' });
});
afterAll(async () => {
  await browser.close();
  await guarded.close();
  await app.close();
});

async function signIn(page: Page, key: string): Promise<void> {
  const form = page.locator('form').filter({ has: page.getByLabel('API key or token') });
  await form.getByLabel('API key or token').fill(key);
  await form.getByRole('button', { name: 'Sign in' }).click();
}

/** A tab that is signed in, at a path of the guarded server. */
async function openSignedIn(path: string, scope: Scope): Promise<OpenPage> {
  const opened = await openPage(browser, guarded.client.url + path);
  await signIn(opened.page, keys[scope]);
  await opened.page.getByRole('button', { name: 'Signed in' }).waitFor();
  return opened;
}

/** Pictures within the window: how many have arrived, and how many have not. */
function picturesInView(page: Page): Promise<{ readonly shown: number; readonly missing: number }> {
  return page.evaluate(`(() => {
    const inView = [...document.querySelectorAll('main img, .picture--failed')].filter((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    });
    const shown = inView.filter((element) => element.complete && element.naturalWidth > 0).length;
    return { shown, missing: inView.length - shown };
  })()`);
}

async function picturesArrive(page: Page): Promise<void> {
  await expect.poll(async () => (await picturesInView(page)).shown).toBeGreaterThan(2);
  await expect.poll(async () => (await picturesInView(page)).missing).toBe(0);
}

const uploads = (page: Page) => page.getByRole('region', { name: 'Adding pictures' });

describe('the page of a server that asks for credentials', () => {
  it('asks for a key at every address, refuses a wrong one, and shows the view to one that may read', async () => {
    const { page, problems, operations, close } = await openPage(browser, `${guarded.client.url}/gallery`);
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    expect(await page.title()).toBe('Sign in · Semblance');
    expect(await seriousFindings(page)).toEqual([]);
    for (const wrong of [keys.read.slice(0, -1), 'schlüssel', `smb_0123456789abcdef_${'x'.repeat(43)}`]) {
      await signIn(page, wrong);
      await page.getByRole('alert').getByText('The server does not know this key').waitFor();
    }
    expect(await seriousFindings(page)).toEqual([]);
    await signIn(page, `  Bearer ${keys.read}\n`);
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    await picturesArrive(page);
    expect(await seriousFindings(page)).toEqual([]);

    // Of the tab alone, and in no address.
    expect(await page.evaluate('localStorage.length')).toBe(0);
    await page.reload();
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    expect(await page.content()).not.toContain(keys.read);

    // What it may not do, it says; and sends nothing.
    for (const name of ['Add pictures', 'Add a folder', 'Select']) {
      await expect.poll(() => page.getByRole('button', { name, exact: true }).isDisabled()).toBe(true);
    }
    await page.getByText('Your key does not let you add or delete pictures: that takes the scope write.').waitFor();
    await dropFiles(page, [{ name: 'new.jpg', bytes: await makeJpeg(500) }]);
    await uploads(page).getByText('Your key does not allow that').waitFor();
    expect(operations).not.toContain('multipart');
    await page
      .getByRole('link', { name: /^Open original/ })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: 'original.jpg' }).waitFor();
    expect(await page.getByRole('button', { name: 'Delete' }).isDisabled()).toBe(true);
    expect(await seriousFindings(page)).toEqual([]);

    await page.getByRole('button', { name: 'Signed in' }).click();
    const dialog = page.getByRole('dialog', { name: 'Signed in' });
    await dialog.getByText('It lets you look and search.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Forget it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    expect(await page.evaluate('Object.values(sessionStorage).join()')).not.toContain('smb_');
    expect(problems).toEqual([]);
    await close();
  });

  it('searches, compares, uploads, downloads and deletes with a key that may write', async () => {
    const { page, problems, close } = await openSignedIn('/', 'write');
    await page.getByRole('heading', { name: `Or start from one of ${stored}` }).waitFor();
    await picturesArrive(page);
    await dropFiles(page, [{ name: 'query.jpg', bytes: original }]);
    const hits = page.getByRole('region', { name: 'Results' });
    await hits.getByRole('link', { name: 'original.jpg', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'original.jpg' }).waitFor();
    await picturesArrive(page);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toBe('original.jpg');
    expect((await readFile(await (await download).path())).equals(original)).toBe(true);

    await page.getByRole('link', { name: 'compare methods' }).click();
    await page.getByRole('region', { name: 'Method B' }).getByRole('listitem').nth(9).waitFor();
    await picturesArrive(page);

    await page.getByRole('link', { name: 'Gallery' }).click();
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    await dropFiles(page, [{ name: 'new.jpg', bytes: await makeJpeg(600) }]);
    await uploads(page).getByText('1 picture stored').waitFor();
    await page.getByRole('link', { name: 'Open new.jpg', exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: 'new.jpg' }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${guarded.client.url}/gallery`);
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    expect(problems).toEqual([]);
    await close();
  });

  it('offers the sample gallery, and to add what was searched with, to a key that may write', async () => {
    for (const [scope, disabled] of [
      ['read', true],
      ['write', false],
    ] as const) {
      const { page, problems, close } = await openSignedIn('/status', scope);
      await dropFiles(page, [{ name: 'query.jpg', bytes: await makeJpeg(700) }]);
      const panel = page.getByRole('region', { name: 'Query' });
      const add = panel.getByRole('button', { name: 'Add this picture to the gallery' });
      await expect.poll(() => add.isDisabled()).toBe(disabled);
      expect(await panel.getByText('Your key does not let you add pictures').count()).toBe(disabled ? 1 : 0);
      expect(await seriousFindings(page)).toEqual([]);
      await page.route('**/graphql', async (route) => {
        if (!/"SearchStart"/.test(route.request().postData() ?? '')) return route.continue();
        const images = { __typename: 'ImageConnection', totalCount: 0, edges: [] };
        await route.fulfill({ json: { data: { images } } });
      });
      await page.goto(guarded.client.url);
      const load = page.getByRole('button', { name: 'Load the sample gallery' });
      await load.waitFor();
      await expect.poll(() => load.isDisabled()).toBe(disabled);
      await expect
        .poll(() => page.getByText('load the sample gallery: that takes the scope write').count())
        .toBe(disabled ? 1 : 0);
      expect(problems).toEqual([]);
      await close();
    }
  });

  it('asks for new links where those of a page that was long open have ended', async () => {
    let nowMs = Date.now();
    const door = await openHttpDoor(app.operations, { anonymousAccess: 'none' }, () => nowMs);
    const { page, problems, operations, close } = await openPage(browser, `${door.client.url}/gallery`, {
      viewport: { width: 700, height: 800 },
    });
    await signIn(page, keys.read);
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    await picturesArrive(page);
    expect(operations).not.toContain('FreshLinks');
    nowMs += 2 * hourMs;
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await page.getByRole('article').filter({ hasText: 'picture-1.jpg' }).waitFor();
    await expect.poll(() => operations.includes('FreshLinks')).toBe(true);
    await picturesArrive(page);

    // A picture that does not load by a new link either is asked for once.
    await page.route('**/thumbnail?*', (route) => route.fulfill({ status: 500 }));
    nowMs += 2 * hourMs;
    const before = operations.length;
    await page.goto(`${door.client.url}/compare`);
    await page.getByText('The picture could not be loaded').nth(11).waitFor();
    await expect.poll(() => operations.slice(before).filter((name) => name === 'FreshLinks').length).toBe(12);
    expect(problems).toEqual([]);
    await close();
    await door.close();
  });

  it('asks again where a key was revoked, and goes on where it was', async () => {
    let nowMs = Date.now();
    const { key, record } = await app.operations.createApiKey({ name: 'short', scope: 'read' });
    const apiKeys = new ApiKeyVerifier(app.store, () => nowMs);
    const door = await openHttpDoor({ ...app.operations, apiKeys }, { anonymousAccess: 'none' });
    const { page, problems, close } = await openPage(browser, `${door.client.url}/image/${image.id}`);
    await signIn(page, key);
    await page.getByRole('heading', { level: 1, name: 'original.jpg' }).waitFor();
    await app.operations.revokeApiKey(record.id);
    nowMs += 60_000;
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByText('Your key or token is no longer valid').waitFor();
    await signIn(page, keys.read);
    await page.getByRole('heading', { level: 1, name: 'Status' }).waitFor();
    await page.getByRole('table').waitFor();
    expect(problems).toEqual([]);
    await close();
    await door.close();
  });
});

describe('where strangers may look', () => {
  it('says what takes a key, and goes on with one', async () => {
    const door = await openHttpDoor(app.operations, { anonymousAccess: 'read' });
    const { page, problems, close } = await openPage(browser, `${door.client.url}/gallery`);
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    await page.getByText('On this server it takes a key to add or delete pictures').waitFor();
    expect(await page.getByRole('button', { name: 'Add pictures' }).isDisabled()).toBe(true);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('banner').getByRole('button', { name: 'Sign in' }).click();
    await signIn(page, keys.write);
    await expect.poll(() => page.getByRole('button', { name: 'Add pictures' }).isDisabled()).toBe(false);
    expect(await page.getByText('it takes a key to').count()).toBe(0);
    expect(problems).toEqual([]);
    await close();
    await door.close();
  });
});

describe('a caller who asks for more than is allowed', () => {
  const openLimited = (overrides: Partial<Config>) => openHttpDoor(app.operations, overrides);

  it('reads for how long to wait', async () => {
    const door = await openLimited({ embeddingsPerMinute: 1 });
    const { page, problems, close } = await openPage(browser, door.client.url);
    const found = page.getByRole('region', { name: 'Results' });
    await dropFiles(page, [{ name: 'first.jpg', bytes: await makeJpeg(1) }]);
    await found.getByRole('article').first().waitFor();
    await dropFiles(page, [{ name: 'second.jpg', bytes: await makeJpeg(2) }]);
    const alert = page.getByRole('alert');
    await alert.getByText('Too many requests in a short time').waitFor();
    expect(await alert.innerText()).toMatch(/Wait \d+ seconds? and try again\./);
    expect(problems).toEqual([]);
    await close();
    await door.close();
  });

  it('has uploads wait as long as the server asks, and go on by themselves', async () => {
    const { page, problems, operations, close } = await openSignedIn('/gallery', 'write');
    await page.getByText(`${stored} pictures, the newest first`).waitFor();
    let putOff = 0;
    await page.route('**/graphql', async (route) => {
      if (!/multipart/.test(route.request().headers()['content-type'] ?? '') || putOff === 2) return route.continue();
      putOff += 1;
      const errors = [{ message: 'Busy', extensions: { code: 'OVERLOADED' } }];
      await route.fulfill({ status: 503, headers: { 'Retry-After': '2' }, json: { data: null, errors } });
    });
    await dropFiles(page, [
      { name: 'picture-1.jpg', bytes: await makeJpeg(1) },
      { name: 'picture-2.jpg', bytes: await makeJpeg(2) },
    ]);
    await uploads(page).getByText('The server asks to wait: it goes on in').waitFor();
    await uploads(page).getByText('0 pictures stored, 2 known already').waitFor();
    expect(operations.filter((name) => name === 'multipart')).toHaveLength(4);
    expect(problems).toEqual([]);
    await close();
  });
});

describe('/graphql of a server that asks for credentials', () => {
  it('runs no script of another host, and sends the key of its field with queries and uploads', async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const problems: string[] = [];
    const elsewhere: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(message.text());
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(guarded.client.url) && /^http/.test(request.url())) elsewhere.push(request.url());
    });
    await page.goto(`${guarded.client.url}/graphql`);
    await page.locator('.graphiql-container').waitFor();
    const field = page.getByLabel('API key or token');
    await field.fill(keys.read);
    await field.press('Tab');
    await page.getByRole('button', { name: /execute query/i }).click();
    await page.locator('.result-window').getByText('original.jpg').first().waitFor();
    const chosen = { name: 'chosen.jpg', mimeType: 'image/jpeg', buffer: original };
    await page.locator('input[type=file]').setInputFiles(chosen);
    await page.getByRole('button', { name: 'uploadImage' }).click();
    await page.locator('output').getByText('FORBIDDEN').waitFor();
    await field.fill(keys.write);
    await field.press('Tab');
    await page.getByRole('button', { name: 'uploadImage' }).click();
    await page.locator('output').getByText('known already: ').waitFor();
    const thumbnail = page.locator('output').getByAltText('original.jpg');
    await thumbnail.waitFor();
    await expect.poll(() => page.evaluate(`document.querySelector('output img').naturalWidth`)).toBeGreaterThan(0);
    // The page at / has it, too.
    await page.goto(guarded.client.url);
    await page.getByRole('button', { name: 'Signed in' }).waitFor();
    expect([elsewhere, problems]).toEqual([[], []]);
    await page.close();
  });
});
