import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.js';

/** `npm run test:long`: what takes minutes a test. Both stores where TEST_DATABASE_URL is set. */
const config = mergeConfig(base, defineConfig({ test: { testTimeout: 600_000, maxWorkers: 1 } }));
// Merged, the ordinary tests would be run too.
config.test.include = ['test/long/**/*.test.ts'];

export default config;
