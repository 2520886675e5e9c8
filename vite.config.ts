import { spawn } from 'node:child_process';
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const server = process.env['SEMBLANCE_URL'] ?? 'http://127.0.0.1:4000';

/** Generates the types of the page's queries anew while the page is served for development; Vite then reloads what uses them. */
const generatedTypes: Plugin = {
  name: 'generated-types',
  configureServer({ watcher }) {
    watcher.add(join(import.meta.dirname, 'schema.graphql'));
    watcher.on('all', (_event, file) => {
      if (!file.endsWith('.graphql')) return;
      spawn(process.execPath, [join(import.meta.dirname, 'web', 'generate-types.mjs')], { stdio: 'inherit' });
    });
  },
};

/**
 * The web page: `npm run build:web` into dist/web, which the server serves; `npm run dev` beside a server that it runs, and
 * `npm run dev:web` beside a running one.
 */
export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  // Relative to each file, and in index.html to be completed by the server: only it knows the path that a proxy adds.
  base: './',
  plugins: [react(), generatedTypes],
  build: {
    outDir: join(import.meta.dirname, 'dist', 'web'),
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows files of this server, and no data: URLs.
    assetsInlineLimit: 0,
    // A few kilobytes in all; a view's own style sheet that did not come would not be asked for again.
    cssCodeSplit: false,
    // Every browser that runs ES2022 preloads modules by itself; the polyfill would be a script in the page.
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(
      ['/graphql', '/images'].map((path) => [path, { target: server, changeOrigin: true }] as const),
    ),
  },
});
