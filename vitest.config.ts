import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const graphqlEntry = createRequire(import.meta.url).resolve('graphql/index.js');

export default defineConfig({
  resolve: {
    // vitest would load graphql as ESM for our sources and as CommonJS for the libraries: two copies refuse each other.
    alias: [{ find: /^graphql$/, replacement: graphqlEntry }],
  },
  test: {
    globalSetup: ['test/support/data-template.ts'],
    include: ['test/{unit,integration,acceptance}/**/*.test.ts'],
    // An embedded Postgres takes up to 10 s to initialise on two busy cores.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Vitest gives up after a second, which a step of a busy machine may take.
    expect: { poll: { timeout: 30_000 } },
    // Each file may run a database and a model of its own, and waits for one of them a third of its time.
    maxWorkers: 3,
    pool: 'forks',
  },
});
