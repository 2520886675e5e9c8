import { ConfigurationError } from '../../base/errors.js';

/**
 * The database is reached but cannot be used as it stands: the extension or a right is missing, or a migration was refused.
 * The message is for the operator. Where an administrator can mend it, it ends with the exact SQL, one statement a line.
 */
export class DatabaseSetupError extends ConfigurationError {
  constructor(
    /** Without the SQL. */
    readonly problem: string,
    readonly statements: readonly string[] = [],
  ) {
    super(
      statements.length === 0
        ? problem
        : `${problem}\nAn administrator must run this in the database:\n${statements.map((sql) => `  ${sql}`).join('\n')}`,
    );
  }
}
