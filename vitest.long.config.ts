import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

/** `npm run test:long`: what takes minutes a test. Both stores where TEST_DATABASE_URL is set. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/long/**/*.test.ts'], testTimeout: 600_000, maxWorkers: 1 },
});
