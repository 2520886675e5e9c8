import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/paths.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

const built = join(packageRoot, 'dist', 'web');
/** Of all script that the page loads before it shows its first view, gzipped. */
const maxFirstScriptBytes = 150_000;

describe('the built page', () => {
  const html = readFileSync(join(built, 'index.html'), 'utf8');
  const first = [...html.matchAll(/(?:src|href)="(\.\/assets\/[^"]+\.js)"/g)].map(([, path]) => path ?? '');

  it('loads at most 150 KB of script, gzipped, before its first view', () => {
    expect(first.length).toBeGreaterThan(0);
    const bytes = first.map((path) => gzipSync(readFileSync(join(built, path))).byteLength);
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(maxFirstScriptBytes);
    // The other views come when they are asked for.
    const scripts = readdirSync(join(built, 'assets')).filter((name) => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(first.length);
  });

  it('loads nothing from elsewhere, and holds no script or style of its own', () => {
    expect(
      [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path).filter((path) => !path?.startsWith('./')),
    ).toEqual([]);
    expect(html).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\bstyle="|\bon\w+="/);
    for (const name of readdirSync(join(built, 'assets')).filter((each) => each.endsWith('.css'))) {
      expect(readFileSync(join(built, 'assets', name), 'utf8')).not.toMatch(/@import|url\(/);
    }
  });
});

describe('the server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server.stop();
    await cleanUp();
  });

  it.each(['/', '/search', '/search/some-id', '/image/some-id', '/gallery', '/compare', '/status'])(
    'answers %s with the page, under a strict policy',
    async (path) => {
      const { status, headers, body } = await server.client.get(path);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(body.toString()).toContain('<div id="root">');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers.get('cache-control')).toBe('no-cache');
    },
  );

  it('shows the page at an address that leads nowhere, and tells programs so', async () => {
    const browser = await server.client.get('/nowhere', { headers: { Accept: 'text/html,*/*;q=0.8' } });
    expect([browser.status, browser.body.toString().includes('<div id="root">')]).toEqual([404, true]);
    for (const path of ['/nowhere', '/assets/none.js', '/images/none']) {
      const program = await server.client.get(path);
      expect([program.status, program.headers.get('content-type')]).toEqual([404, 'application/json; charset=utf-8']);
    }
    const image = await server.client.get('/images/none/original', { headers: { Accept: 'text/html' } });
    expect(image.body.toString()).not.toContain('<div id="root">');
  });

  it('serves what the page loads for good, compressed where the client takes it', async () => {
    const page = await server.client.get('/');
    const assets = [...page.body.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
      ([, path]) => path ?? '',
    );
    expect(assets.some((path) => path.endsWith('.css'))).toBe(true);
    for (const path of assets) {
      const plain = await server.client.get(path, { headers: { 'Accept-Encoding': 'identity' } });
      expect([path, plain.status, plain.headers.get('cache-control'), plain.headers.get('vary')]).toEqual([
        path,
        200,
        'public, max-age=31536000, immutable',
        'Accept-Encoding',
      ]);
      expect(plain.body.equals(readFileSync(join(built, path)))).toBe(true);
      const packed = await server.client.ask('GET', path, { 'Accept-Encoding': 'gzip' });
      expect(packed.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    }
  });
});
