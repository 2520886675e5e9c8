import pg from 'pg';

type Settings = Readonly<Record<string, string>>;

/**
 * Settings that change what a value looks like or what a statement does. An administrator may have others for the database or the
 * role, for other programs; what a connection begins with comes before these. Not here: search_path, for no statement of ours depends on
 * it and triggers of the database's users may; timeouts, which are the operator's; and default_transaction_read_only, which hosts turn
 * on where a disk is full.
 *
 * These PgBouncer keeps for each of its clients, in transaction mode too, and so do other poolers: JDBC's driver sends them.
 * https://www.pgbouncer.org/config.html#ignore_startup_parameters
 */
export const keptByPoolers: Settings = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  standard_conforming_strings: 'on',
};

/**
 * Behind a pooler the others stay as they are set for the role. Nothing that is read comes out differently for that: numbers are sent in
 * binary, the driver reads bytea in either form, transactions name their isolation level, and statements by themselves are repeated.
 * What is left is told by `semblance doctor`: see server-settings.ts.
 */
export const allSettings: Settings = {
  ...keptByPoolers,
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  row_security: 'on',
  gin_fuzzy_search_limit: '0',
  // The planner's: an index that is not to be used is as good as none.
  enable_indexscan: 'on',
  enable_partition_pruning: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
};

export interface SettingConfig {
  settings?: Settings;
}

declare module 'pg' {
  interface Client {
    /** What the driver sends when a connection begins. */
    getStartupConf(): Record<string, string>;
  }
}

/** Begins its session with `settings`. The driver itself has fields for a few settings alone; a test holds that it still asks here. */
export class SettingClient extends pg.Client {
  readonly #settings: Settings;

  constructor(config: pg.ClientConfig & SettingConfig = {}) {
    super(config);
    this.#settings = config.settings ?? {};
  }

  override getStartupConf(): Record<string, string> {
    return { ...super.getStartupConf(), ...this.#settings };
  }
}
