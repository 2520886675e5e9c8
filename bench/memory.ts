/**
 * Memory of the server while 10,000 images are imported through it (target: flat, within 10 %, over the second half).
 * Reads /proc, so Linux only.
 *
 *   npm run bench:memory
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setInterval, setTimeout } from 'node:timers/promises';
import { packageRoot } from '../src/base/paths.js';
import { dataset, imagesBelow } from './support/data.js';
import { machine, show } from './support/measure.js';

const images = 10_000;
const port = 4901;
const origin = `http://127.0.0.1:${port}`;

const work = await mkdtemp(join(tmpdir(), 'semblance-bench-'));
const folder = join(work, 'images');
const files = (await imagesBelow(join(await dataset('cifar10'), 'train')))
  .filter((_, i) => i % 5 === 0)
  .slice(0, images);
for (const file of files) await cp(file, join(folder, basename(join(file, '..')), basename(file)));

const main = join(packageRoot, 'dist', 'main.js');
const server = spawn(process.execPath, [main, 'serve'], {
  env: { ...process.env, PORT: String(port), SEMBLANCE_DATA_DIR: join(work, 'data') },
  stdio: ['ignore', 'ignore', 'inherit'],
});
while (
  !(await fetch(`${origin}/readyz`).then(
    (response) => response.ok,
    () => false,
  ))
)
  await setTimeout(100);

const importer = spawn(process.execPath, [main, 'import', folder, '--server', origin], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const importerExit = once(importer, 'exit');
const samples: { readonly stored: number; readonly residentMiB: number }[] = [];
for await (const _ of setInterval(1_000)) {
  if (importer.exitCode !== null) break;
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  samples.push({ stored: await countImages(), residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024 });
}
await importerExit;
server.kill();
await once(server, 'exit');
await rm(work, { recursive: true, force: true });

const half = samples.filter(({ stored }) => stored >= images / 2).map(({ residentMiB }) => residentMiB);
const peak = (list: readonly number[]) => Math.max(...list);
const thirdQuarter = peak(half.slice(0, Math.ceil(half.length / 2)));
const fourthQuarter = peak(half.slice(Math.ceil(half.length / 2)));
show({
  machine: machine(),
  images: samples.at(-1)?.stored ?? 0,
  'resident MiB at each tenth': tenths().join(', '),
  'peak, third quarter (MiB)': thirdQuarter.toFixed(0),
  'peak, fourth quarter (MiB)': fourthQuarter.toFixed(0),
  'lowest to highest over the second half': (peak(half) / Math.min(...half)).toFixed(3),
  'fourth quarter / third': (fourthQuarter / thirdQuarter).toFixed(3),
});

async function countImages(): Promise<number> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ status { imageCount } }' }),
  });
  const { data } = (await response.json()) as { data: { status: { imageCount: number } } };
  return data.status.imageCount;
}

function tenths(): readonly string[] {
  return Array.from(
    { length: 10 },
    (_, i) => samples.find(({ stored }) => stored >= (images * i) / 10)?.residentMiB.toFixed(0) ?? '-',
  );
}
