import { defineConfig } from 'vitest/config';
import { common, dataTemplate } from './vitest.config.js';

/** `npm run test:long`: what takes minutes a test. Both stores where TEST_DATABASE_URL is set. */
export default defineConfig({
  ...common,
  test: {
    ...common.test,
    globalSetup: [dataTemplate],
    include: ['test/long/**/*.test.ts'],
    testTimeout: 600_000,
    maxWorkers: 1,
  },
});
