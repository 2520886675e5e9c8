import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.js';

/** `npm run test:browser`: in Debian's Chromium, which scripts/install-chromium.sh installs. */
const config = mergeConfig(base, defineConfig({ test: { maxWorkers: 1 } }));
// Merged, the ordinary tests would be run too.
config.test.include = ['test/browser/**/*.test.ts'];

export default config;
