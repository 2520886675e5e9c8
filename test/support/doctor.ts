import { buildApp } from '../../src/app.js';
import { examine } from '../../src/cli/doctor/examine.js';
import type { Finding } from '../../src/database/diagnosis/finding.js';
import { makeJpeg } from './make-image.js';
import { testConfig } from './small-model.js';

/** Fills a gallery with three images and a second space, `greys`. */
export async function fillForDoctor(env: Record<string, string>): Promise<void> {
  const app = await buildApp(testConfig(env));
  try {
    await app.ready;
    for (const seed of [1, 2, 3]) {
      await app.operations.uploadImage({ bytes: await makeJpeg(seed), filename: `${seed}.jpg`, priority: 'query' });
    }
    await app.operations.createSpace({ name: 'greys', recipe: 'grey' });
    await app.operations.backfillSpace({ name: 'greys' });
  } finally {
    await app.close();
  }
}

/** Without what the machine's own disk adds. */
export async function findingsOf(env: Record<string, string>): Promise<readonly Finding[]> {
  return (await examine(testConfig(env))).filter(({ check }) => check !== 'disk');
}

export const checks = (findings: readonly Finding[]) => findings.map(({ level, check }) => `${level} ${check}`);
