import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../../src/base/paths.js';
import { soundPgvectorVersion } from '../../../src/database/setup/extension.js';

const script = join(packageRoot, 'scripts/install-postgres.sh');
let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'sb-scripts-'))));
afterAll(() => rm(folder, { recursive: true }));

async function stub(name: string, body: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(folder, name), 0o755);
}

test('the script installs a pgvector that nothing warns of', async () => {
  expect(/^sound_version=(.*)$/m.exec(await readFile(script, 'utf8'))?.[1]).toBe(soundPgvectorVersion);
});

test('the script waits for a lock that another apt holds, and for nothing else', async () => {
  // Before anything of this machine is changed, the second update fails for another reason.
  await stub('id', 'echo 0');
  await stub('dpkg-query', 'exit 1');
  await stub('sleep', ':');
  await stub(
    'apt-get',
    `echo "$@" >>"${folder}/calls"
     [ "$(wc -l <"${folder}/calls")" -gt 1 ] && { echo 'E: No network' >&2; exit 100; }
     echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)' >&2; exit 100`,
  );
  const stderr = await new Promise<string>((resolve) => {
    execFile('bash', [script], { env: { PATH: `${folder}:/usr/bin:/bin` } }, (_, _out, err) => {
      resolve(err);
    });
  });
  expect(stderr).toBe('E: No network\n');
  const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n');
  expect(calls).toEqual(Array(2).fill('-o DPkg::Lock::Timeout=600 update -qq'));
});
