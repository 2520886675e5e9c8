/* global Buffer, fetch */
// Draws docs/screenshots: every view of the page on a phone and on a wide screen, light and dark, on the sample gallery.
// `npm run screenshots` starts the built server on a store in memory and Debian's Chromium.
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs', 'screenshots');
const executablePath = process.env.TEST_CHROMIUM ?? '/usr/bin/chromium';
const screens = [
  { width: 390, height: 844, hasTouch: true, isMobile: true },
  { width: 1440, height: 900, hasTouch: false, isMobile: false },
];

/** In the page: whether every picture that is seen has come. */
const picturesShown = `[...document.images].every(
  (image) => image.naturalWidth > 0 || image.getBoundingClientRect().top > innerHeight,
)`;

const picturesDecoded = `Promise.all(
  [...document.images].filter((image) => image.complete).map((image) => image.decode().catch(() => undefined)),
)`;

const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const server = spawn(process.execPath, [join(root, 'dist', 'main.js'), 'serve'], {
  env: { ...process.env, PORT: String(port), DATABASE_URL: 'memory:' },
  stdio: ['ignore', 'ignore', 'inherit'],
});
try {
  await poll(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true);
  const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: ['--disable-dev-shm-usage'] });
  await mkdir(folder, { recursive: true });
  await shoot(browser, 'empty', (page) => page.goto(url));
  await ask('mutation { loadSample { id } }');
  await poll(async () => (await ask('{ jobs(first: 1) { state } }')).jobs[0].state === 'DONE');
  const { images } = await ask(
    '{ images(first: 1, filter: { filenameContains: "butterfly-17" }) { edges { node { id } } } }',
  );
  const { id } = images.edges[0].node;
  const opened = (path) => (page) => page.goto(url + path);
  await shoot(browser, 'start', opened('/'));
  await shoot(browser, 'search', opened(`/search/${id}`));
  await shoot(browser, 'gallery', opened('/gallery'));
  await shoot(browser, 'gallery-add', async (page) => {
    await page.goto(`${url}/gallery`);
    const known = await (await fetch(`${url}/images/${id}/original`)).arrayBuffer();
    const fields = page.locator('input[type=file]');
    await fields.last().setInputFiles([
      { name: 'butterfly-17.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(known) },
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') },
    ]);
    await page.locator('.uploads__summary').getByText('1 known already, 1 failed').waitFor();
  });
  await shoot(browser, 'image', opened(`/image/${id}`));
  await shoot(browser, 'compare', opened(`/compare?image=${id}`));
  await shoot(browser, 'status', async (page) => {
    await page.goto(`${url}/search/${id}`);
    await page.waitForLoadState('networkidle');
    await page.getByRole('link', { name: 'Status' }).click();
    await page.getByRole('table').waitFor();
  });
  await browser.close();
} finally {
  server.kill('SIGTERM');
}

async function shoot(browser, name, open) {
  for (const { width, height, hasTouch, isMobile } of screens) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, hasTouch, isMobile });
      const page = await context.newPage();
      await open(page);
      await page.waitForLoadState('networkidle');
      await poll(() => page.evaluate(picturesShown));
      // On a busy machine a picture may have come and not be painted yet.
      await page.evaluate(picturesDecoded);
      const file = join(folder, `${name}-${width}-${colorScheme}.webp`);
      await writeFile(
        file,
        await sharp(await page.screenshot())
          .webp({ quality: 80, effort: 6 })
          .toBuffer(),
      );
      await context.close();
    }
  }
}

async function ask(query) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return (await response.json()).data;
}

async function poll(holds) {
  for (const end = Date.now() + 300_000; Date.now() < end; await delay(200)) if (await holds()) return;
  throw new Error('Waited for five minutes in vain');
}

async function freePort() {
  const listener = createServer();
  await new Promise((listening) => {
    listener.listen(0, '127.0.0.1', listening);
  });
  const { port: free } = listener.address();
  await new Promise((closed) => {
    listener.close(closed);
  });
  return free;
}
