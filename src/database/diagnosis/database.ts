import type pg from 'pg';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import { connectStore, type ConnectedStore } from '../connected-store.js';
import { openDatabase, type Database } from '../database.js';
import { DiskFullError } from '../embedded/embedded.js';
import { missingExtension, requireExtension, type Extension } from '../setup/extension.js';
import { pendingMigrations } from '../setup/migrate.js';
import type { StoreOptions } from '../open-store.js';
import { createServerPool } from '../connections/pool.js';
import { foreignOwner, missingServingRights } from '../setup/rights.js';
import {
  asciiOnlyCtype,
  encodingMessage,
  encodingRemedy,
  foreignEncoding,
  settingProblems,
} from '../setup/server-settings.js';
import { DatabaseSetupError } from '../setup/setup-error.js';
import { diagnoseConnection, diagnoseWrites } from './connection.js';
import { diagnoseJobs, diagnoseSpaces } from './contents.js';
import { advice, problem, type Finding } from './finding.js';
import { diagnosePartitions } from './partitions.js';
import { probeWrites } from './write-probe.js';

/**
 * Looks at the database that the configuration names, as far in as it gets, and changes no row of it. The embedded one is opened
 * for that, as by any command.
 * @param further looks on where everything is set up
 */
export async function diagnoseDatabase(
  options: StoreOptions,
  further: (store: ConnectedStore) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const said: string[] = [];
  let database: Database;
  try {
    database = await openDatabase({ ...options, keepLeftovers: true, onLog: (message) => said.push(message) });
  } catch (error) {
    // The disk is looked at by itself.
    if (error instanceof DiskFullError) return [];
    if (error instanceof ConfigurationError) throw error;
    return [
      problem(
        'database',
        `The embedded database in ${options.dataDir} does not start: ${messageOf(error)}.`,
        'Restore the folder from a backup, or set SEMBLANCE_DATA_DIR to another folder.',
      ),
    ];
  }
  try {
    return await diagnoseOpen(database, options, further);
  } catch (error) {
    return [problem('database', `The database failed: ${messageOf(error)}.`, 'Look into its log, and look again.')];
  } finally {
    await database.close();
  }
}

async function diagnoseOpen(
  { pool, adminPool, schema }: Database,
  options: StoreOptions,
  further: (store: ConnectedStore) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const refused = await diagnoseConnection(pool, 'DATABASE_URL');
  if (refused !== undefined) return [refused];
  const encoding = await foreignEncoding(pool);
  if (encoding !== undefined) return [problem('encoding', encodingMessage(encoding), encodingRemedy)];
  const findings: Finding[] = [];
  const add = (finding: Finding | undefined): void => {
    if (finding !== undefined) findings.push(finding);
  };
  for (const finding of await diagnoseReplicas(options)) add(finding);
  for (const { message, statement } of await settingProblems(pool)) {
    add(problem('settings', message, `Run as an administrator: ${statement}`));
  }
  const ctype = await asciiOnlyCtype(pool);
  if (ctype !== undefined) {
    add(
      advice(
        'settings',
        `Under the database's LC_CTYPE ${JSON.stringify(ctype)}, filenameContains ignores the case of ASCII letters alone: Ä and ä are different.`,
        "Where that matters, `semblance export` the gallery and import it into a database made with `CREATE DATABASE … ENCODING 'UTF8' LC_CTYPE 'C.UTF-8' TEMPLATE template0`.",
      ),
    );
  }
  const refusesWrites = await diagnoseWrites(pool);
  add(refusesWrites);

  const missingRights = await missingServingRights(pool, schema);
  if (adminPool !== pool) add(await diagnoseAdmin(adminPool, schema, { hasTables: missingRights !== undefined }));
  const lacking = missingRights ?? [];
  if (lacking.length > 0) {
    findings.push(
      problem('rights', 'The role of DATABASE_URL lacks rights.', `Run as an administrator: ${lacking.join(' ')}`),
    );
  }
  // Who may not read the history cannot be told what it lacks.
  const isSetUp = lacking.length === 0 && (await diagnoseMigrations(pool, schema, options, add));
  const extension = await diagnoseExtension(pool, schema, add);
  if (extension === undefined || !isSetUp) return findings;

  const { schemas } = extension;
  if (refusesWrites === undefined) findings.push(...(await probeWrites(pool, schemas)));
  findings.push(
    ...(await diagnosePartitions(pool, schemas)),
    ...(await diagnoseSpaces(pool, schemas)),
    ...(await diagnoseJobs(pool, schemas)),
  );
  const store = connectStore(pool, schemas);
  try {
    findings.push(...(await further(store)));
  } finally {
    await store.close();
  }
  return findings;
}

/** Spaces are made and removed, and migrations applied, as this role. */
async function diagnoseAdmin(
  adminPool: pg.Pool,
  schema: string,
  { hasTables }: { readonly hasTables: boolean },
): Promise<Finding | undefined> {
  const variable = 'SEMBLANCE_ADMIN_DATABASE_URL';
  const refused = await diagnoseConnection(adminPool, variable);
  if (refused !== undefined) return refused;
  if (hasTables && (await missingServingRights(adminPool, schema)) === undefined) {
    return problem(
      'rights',
      `DATABASE_URL and ${variable} lead to different databases.`,
      `Let ${variable} name the owner of the tables in the database of DATABASE_URL.`,
    );
  }
  const owner = await foreignOwner(adminPool, schema);
  if (owner === undefined) return undefined;
  return problem(
    'rights',
    `The role of ${variable} does not own Semblance's tables, so no space can be made or removed.`,
    `Let ${variable} name their owner, ${owner}.`,
  );
}

/** Searches go to the primary while one is away: slower, and no less right. */
async function diagnoseReplicas({ database }: StoreOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const url of database.kind === 'server' ? (database.readUrls ?? []) : []) {
    const pool = createServerPool(url, { connections: 1, onIdleError: () => undefined });
    const finding = await diagnoseConnection(pool, 'SEMBLANCE_READ_DATABASE_URLS');
    if (finding !== undefined) findings.push(finding);
    await pool.end();
  }
  return findings;
}

async function diagnoseExtension(
  pool: pg.Pool,
  schema: string,
  add: (finding: Finding) => void,
): Promise<Extension | undefined> {
  const creation = await missingExtension(pool, schema);
  if (creation !== undefined) {
    add(
      problem(
        'extension',
        'The database has no extension "vector".',
        `Start the server, which makes it where its role may, or run \`${creation.join(' ')}\` as an administrator.`,
      ),
    );
    return undefined;
  }
  try {
    const extension = await requireExtension(pool, schema, false);
    for (const warning of extension.warnings) {
      add(
        advice(
          'extension',
          `${warning} It lies in the schema ${extension.schemas.vector}.`,
          'Install a newer pgvector on the server, run `ALTER EXTENSION vector UPDATE;`, then `semblance reindex`.',
        ),
      );
    }
    return extension;
  } catch (error) {
    if (!(error instanceof DatabaseSetupError)) throw error;
    add(problem('extension', error.problem, remedyOf(error)));
    return undefined;
  }
}

/** Whether all migrations were applied and can be read. */
async function diagnoseMigrations(
  pool: pg.Pool,
  schema: string,
  { autoMigrate }: StoreOptions,
  add: (finding: Finding) => void,
): Promise<boolean> {
  const remedy = autoMigrate ? 'Start the server or run `semblance migrate`.' : 'Run `semblance migrate`.';
  try {
    const pending = await pendingMigrations(pool, schema);
    if (pending?.length === 0) return true;
    add(
      pending === undefined
        ? advice('migrations', `The schema ${schema} holds no gallery yet.`, remedy)
        : problem('migrations', `The database is of an older version: it lacks ${pending.join(', ')}.`, remedy),
    );
  } catch (error) {
    if (!(error instanceof DatabaseSetupError)) throw error;
    const [message = '', ...rest] = error.problem.split(': ');
    add(problem('migrations', `${message}.`, capitalised(rest.join(': '))));
  }
  return false;
}

/** What an administrator has to run, in one line. */
function remedyOf({ statements }: DatabaseSetupError): string {
  return statements.length === 0 ? 'Mend that, and look again.' : `Run as an administrator: ${statements.join(' ')}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
