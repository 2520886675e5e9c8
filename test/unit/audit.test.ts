import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

type Severity = 'moderate' | 'high';

/** A registry that knows one weakness of express, or answers no audit. @returns its address */
async function fakeRegistry(severity: Severity | undefined): Promise<string> {
  const advisory = {
    id: 1,
    url: 'https://example.org/1',
    title: 'A weakness',
    severity,
    vulnerable_versions: '*',
    cwe: [],
    cvss: { score: 0, vectorString: null },
  };
  const server = createServer((request, response) => {
    request.resume();
    const isAudit = request.url === '/-/npm/v1/security/advisories/bulk' && severity !== undefined;
    response.writeHead(isAudit ? 200 : 404, { 'content-type': 'application/json' });
    response.end(isAudit ? JSON.stringify({ express: [advisory] }) : '{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'audit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** scripts/audit.mjs, as CI runs it. */
async function audit(
  registry: string,
  cwd = process.cwd(),
): Promise<{ readonly code: unknown; readonly output: string }> {
  // npm remembers advisories there, past the registry's.
  const cache = await temporaryFolder();
  const child = spawn(process.execPath, [resolve('scripts/audit.mjs')], {
    cwd,
    env: { ...process.env, npm_config_registry: registry, npm_config_noproxy: '127.0.0.1', npm_config_cache: cache },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as readonly unknown[];
  return { code, output };
}

it.each<[Severity, number]>([
  ['high', 1],
  ['moderate', 0],
])('a dependency with a known weakness that is %s: the audit ends with %i', async (severity, code) => {
  const outcome = await audit(await fakeRegistry(severity));
  expect(outcome).toEqual({
    code,
    output: expect.stringMatching(new RegExp(`^Known weaknesses: .*"${severity}":[1-9]`)) as string,
  });
});

it('a registry that answers no audit is told, and passed', async () => {
  expect(await audit(await fakeRegistry(undefined))).toEqual({
    code: 0,
    output: expect.stringMatching(/^NOT AUDITED: .*404/) as string,
  });
});

it('an audit that could not run fails', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'package.json'), '{}');
  expect(await audit(await fakeRegistry('high'), folder)).toEqual({
    code: 1,
    output: expect.stringMatching(/^npm audit did not run[^]*ENOLOCK/) as string,
  });
});
