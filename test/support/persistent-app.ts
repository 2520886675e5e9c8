import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { buildApp, type App } from '../../src/app.js';
import { loadConfig, type Config } from '../../src/base/config.js';
import { serverOnly, testDatabaseUrl } from './database.js';
import { smallModel } from './small-model.js';

/** Stores that outlive the program: `describe.each(persistentStores())`. */
export function persistentStores(): readonly ('embedded' | 'server')[] {
  if (testDatabaseUrl === undefined || testDatabaseUrl === '') return ['embedded'];
  return serverOnly ? ['server'] : ['embedded', 'server'];
}

/** A gallery of its own that the app can be closed over and opened again. */
export interface PersistentApp {
  readonly dataDir: string;
  /** The app as it was opened last. */
  readonly app: App;
  reopen(): Promise<App>;
  /** Closes the app, and removes the gallery. */
  remove(): Promise<void>;
}

/** @param model of the first space; from then on the active space decides */
export async function openPersistentApp(kind: 'embedded' | 'server', model = smallModel): Promise<PersistentApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'semblance-app-'));
  const schema = `test_${randomBytes(6).toString('hex')}`;
  const env = {
    SEMBLANCE_DATA_DIR: dataDir,
    SEMBLANCE_SCHEMA: schema,
    ...(kind === 'server' && { DATABASE_URL: testDatabaseUrl }),
  };
  const open = async (config: Config): Promise<App> => {
    const app = await buildApp(config);
    await app.ready;
    return app;
  };
  let app = await open(loadConfig({ SEMBLANCE_MODEL: model, ...env }));
  return {
    dataDir,
    get app() {
      return app;
    },
    reopen: async () => {
      await app.close();
      app = await open(loadConfig(env));
      return app;
    },
    remove: async () => {
      await app.close();
      if (kind === 'server') {
        const client = new pg.Client(testDatabaseUrl);
        await client.connect();
        await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        await client.end();
      }
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
