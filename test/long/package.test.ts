import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/base/paths.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, makeFolder, startServer } from '../support/server.js';

const run = promisify(execFile);

afterAll(cleanUp);

// It takes what `npm run build` left in dist, and installs from npm's registry.
test('the packed program serves where nothing but its package is installed', async () => {
  const folder = await makeFolder();
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: packageRoot,
  });
  const [packed] = JSON.parse(stdout) as readonly {
    readonly filename: string;
    readonly unpackedSize: number;
    readonly files: readonly { readonly path: string }[];
  }[];
  if (packed === undefined) throw new Error('npm packed nothing');
  expect(packed.unpackedSize).toBeLessThan(60_000_000);
  const tops = new Set(packed.files.map(({ path }) => path.split('/')[0]));
  expect([...tops].sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'THIRD_PARTY.md',
    'assets',
    'dist',
    'licenses',
    'models',
    'package.json',
    'prisma',
    'web',
  ]);

  const app = join(folder, 'app');
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{}');
  // No script of a package is needed, and one of them would download more.
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', join(folder, packed.filename)];
  await run('npm', install, { cwd: app });

  const env = { SEMBLANCE_MODEL: '' };
  const server = await startServer({ folder, cwd: app, launcher: ['npx', 'semblance'], env });
  const jpeg = await makeJpeg(1);
  const { image } = await server.client.upload(jpeg);
  expect((await server.client.search(jpeg)).map((hit) => hit.image.id)).toEqual([image.id]);
  expect((await server.client.get('/')).status).toBe(200);
  await server.stop();
});
