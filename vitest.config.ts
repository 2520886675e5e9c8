import { createRequire } from 'node:module';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const graphqlEntry = createRequire(import.meta.url).resolve('graphql/index.js');

/** What all suites have in common: `npm test`, `npm run test:browser` and `npm run test:long`. */
export const common = {
  resolve: {
    // vitest would load graphql as ESM for our sources and as CommonJS for the libraries: two copies refuse each other.
    alias: [{ find: /^graphql$/, replacement: graphqlEntry }],
  },
  test: {
    // An embedded Postgres takes up to 10 s to initialise on two busy cores.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Vitest gives up after a second, which a step of a busy machine may take.
    expect: { poll: { timeout: 30_000 } },
    // Each file may run a database and a model of its own, and waits for one of them a third of its time.
    maxWorkers: 3,
    pool: 'forks',
  },
} satisfies ViteUserConfig;

/** Whatever starts the program begins with a database that is initialised already. */
export const dataTemplate = 'test/support/data-template.ts';

export default defineConfig({
  ...common,
  test: {
    ...common.test,
    // Two, for a unit test needs no database: a run of one takes two seconds, not ten.
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'product',
          include: ['test/{integration,acceptance}/**/*.test.ts'],
          globalSetup: [dataTemplate],
        },
      },
    ],
  },
});
