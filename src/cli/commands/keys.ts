import { Option, type Command } from 'commander';
import { scopes, type Scope } from '../../base/config.js';
import { maxKeyDays } from '../../base/limits.js';
import type { ApiKeyRecord } from '../../database/store.js';
import { formatTable, note, print } from '../output.js';
import { printable } from '../../base/printable.js';
import { parseInteger, runOnDatabase, type Environment } from '../run.js';

const onTheDatabase =
  'It works on the database itself, so the embedded one must not be held by a running server; beside servers on Postgres it may run.';

export function registerKeys(program: Command, env: Environment): void {
  const keys = program
    .command('keys')
    .summary('make, list and revoke API keys')
    .description(
      'An API key lets a client in where a server asks for credentials: see docs/security.md. It is sent as Authorization: Bearer …; this program sends SEMBLANCE_API_KEY.',
    );

  keys
    .command('create')
    .summary('make a key, and show it once')
    .description(
      `Makes an API key and prints it to stdout, this once: only its hash is stored. write includes read, admin includes both. ${onTheDatabase}`,
    )
    .argument('<name>', 'whose it is, for people')
    .addOption(new Option('--scope <scope>', 'what it may do').choices([...scopes]).default('read'))
    .option('--expires-in-days <n>', 'after which it is refused; never unless given', (text) =>
      parseInteger(text, 1, maxKeyDays),
    )
    .action(async (name: string, options: { readonly scope: Scope; readonly expiresInDays?: number }) => {
      await runOnDatabase(env, async (operations) => {
        const { key, record } = await operations.createApiKey({ name, ...options });
        note(`Made the key ${record.id} with the scope ${record.scope}. It is shown this once:`);
        print(key);
      });
    });

  keys
    .command('list')
    .summary('list the keys')
    .description(
      `Lists the keys, the oldest first, with those that were revoked; none can be shown again. ${onTheDatabase}`,
    )
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      await runOnDatabase(env, async (operations) => {
        const listed = await operations.listApiKeys();
        if (json) print(JSON.stringify(listed, undefined, 2));
        else print(listed.length === 0 ? 'There are no keys.' : formatKeys(listed, new Date()));
      });
    });

  keys
    .command('revoke')
    .summary('refuse a key from now on')
    .description(`Revokes a key: every server refuses it within ten seconds. ${onTheDatabase}`)
    .argument('<id>', 'as keys list shows it')
    .action(async (id: string) => {
      await runOnDatabase(env, async (operations) => {
        const { name } = await operations.revokeApiKey(id);
        print(`Revoked the key ${id} (${printable(name)}).`);
      });
    });
}

function formatKeys(keys: readonly ApiKeyRecord[], now: Date): string {
  const rows = keys.map((key) => [
    key.id,
    key.scope,
    stateOf(key, now),
    key.createdAt.toISOString().slice(0, 10),
    printable(key.name),
  ]);
  return formatTable([['id', 'scope', 'state', 'created', 'name'], ...rows]);
}

function stateOf({ revokedAt, expiresAt }: ApiKeyRecord, now: Date): string {
  if (revokedAt !== undefined) return `revoked ${revokedAt.toISOString().slice(0, 10)}`;
  if (expiresAt === undefined) return 'good';
  return `${expiresAt > now ? 'good until' : 'expired'} ${expiresAt.toISOString().slice(0, 10)}`;
}
