import { defineConfig } from 'vitest/config';
import { common, dataTemplate } from './vitest.config.js';

/**
 * `npm run test:browser`: in Debian's Chromium, which scripts/install-chromium.sh installs. A file takes one processor, for its
 * browser and its server wait for each other.
 */
export default defineConfig({
  ...common,
  test: { ...common.test, globalSetup: [dataTemplate], include: ['test/browser/**/*.test.ts'], maxWorkers: 2 },
});
