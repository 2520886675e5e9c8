import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../src/models/manifest.js';
import { bundledNames } from '../../src/models/folder/model-folder.js';
import { packageRoot } from '../../src/base/paths.js';

const read = (path: string): Promise<string> => readFile(join(packageRoot, path), 'utf8');
const ownLicence = /^MIT\b/;

describe('the notices of work of others', () => {
  it('name each bundled model that is not ours alone, and have the text of its licence', async () => {
    const notices = await read('THIRD_PARTY.md');
    const names = await bundledNames();
    expect(names).toContain('semblance-compact');
    for (const name of names) {
      const { license } = parseManifest(await read(`models/${name}/manifest.json`));
      if (ownLicence.test(license)) continue;
      expect(notices).toContain(`models/${name}/`);
      expect(notices).toContain(`(licenses/${license}.txt)`);
    }
  });

  it('link to files that are there, and that an image of Docker holds as well', async () => {
    const notices = await read('THIRD_PARTY.md');
    const dockerfile = await read('docker/Dockerfile');
    const licences = [...notices.matchAll(/\]\((licenses\/[^)]+|LICENSE)\)/g)].map(([, path]) => path as string);
    expect(licences).toContain('licenses/Apache-2.0.txt');
    for (const path of licences) {
      await access(join(packageRoot, path));
      expect(dockerfile).toMatch(new RegExp(`^COPY .*\\b${path.split('/')[0] as string}\\b`, 'm'));
    }
  });
});
