/**
 * The server's worker beside Python's onnxruntime and @huggingface/transformers, with the same graphs on the same number of threads.
 * Python also without spinning threads, as the server runs its own: what is left is then the price of each door.
 * They take turns, so that a busy minute hits all of them; what counts is the ratio within one round.
 *
 *   npm ci --prefix bench/models-peers --ignore-scripts
 *   python3 -m venv bench/.cache/models-peers-venv && bench/.cache/models-peers-venv/bin/pip install -r bench/models-peers/requirements.txt
 *   npm run bench:models-peers -- [--rounds 5] [--threads 2] [folder of a model...]
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadManifest } from '../../src/models/manifest.js';
import { bundledNames } from '../../src/models/folder/model-folder.js';
import { bundledModelsFolder, packageRoot } from '../../src/base/paths.js';
import { machine, median } from '../support/measure.js';
import { Peer } from './peer.js';

const here = join(packageRoot, 'bench/models-peers');
const cache = join(packageRoot, 'bench/.cache');
const python = join(cache, 'models-peers-venv/bin/python');
const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    images: { type: 'string', default: '1,8' },
    seconds: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const turnMs = Number(values.seconds) * 1000;
const fp32 = ['dinov2-small-pooled', 'vit-base-patch16-224', 'dinov2-base'].map((name) => join(cache, 'parity', name));
const folders =
  positionals.length > 0
    ? positionals
    : [...(await bundledNames()).map((name) => join(bundledModelsFolder, name)), ...fp32].flatMap((folder) => [
        folder,
        join(cache, 'int8', basename(folder)),
      ]);

for (const [path, how] of [
  [
    python,
    'python3 -m venv bench/.cache/models-peers-venv && bench/.cache/models-peers-venv/bin/pip install -r bench/models-peers/requirements.txt',
  ],
  [join(here, 'node_modules'), 'npm ci --prefix bench/models-peers --ignore-scripts'],
  ...folders.map((folder) => [
    join(folder, 'manifest.json'),
    'python training/catalogue/parity.py whole … and python training/catalogue/quantize.py …: see training/README.md',
  ]),
] as const) {
  if (!existsSync(path)) throw new Error(`${path} is missing: ${how}`);
}

console.log(`${machine()}; ${values.threads} threads, ${rounds} rounds`);
const staging = await mkdtemp(join(tmpdir(), 'models-peers-'));
try {
  for (const folder of folders) await compare(resolve(folder));
} finally {
  await rm(staging, { recursive: true });
}

async function compare(folder: string): Promise<void> {
  const manifest = await loadManifest(folder);
  const { width, height } = manifest.input;
  const hub = join(staging, manifest.name);
  await mkdir(join(hub, 'onnx'), { recursive: true });
  // Only to say which class: it runs the graph, whatever that is.
  await writeFile(join(hub, 'config.json'), JSON.stringify({ model_type: 'vit' }));
  await symlink(manifest.weightsPath, join(hub, 'onnx/model.onnx'));
  const peers = [
    await Peer.start('Semblance', [
      process.execPath,
      '--import',
      'tsx',
      join(here, 'semblance-peer.ts'),
      folder,
      values.threads,
    ]),
    await Peer.start('Python', [python, join(here, 'onnxruntime_peer.py'), manifest.weightsPath, values.threads]),
    await Peer.start('Python, no spin', [
      python,
      join(here, 'onnxruntime_peer.py'),
      manifest.weightsPath,
      values.threads,
      'nospin',
    ]),
    await Peer.start('transformers.js', [
      process.execPath,
      join(here, 'transformers-peer.mjs'),
      hub,
      values.threads,
      String(width),
      String(height),
    ]),
  ];
  const versions = peers.map(({ version }) => version).join(', ');
  console.log(`\n${manifest.name} (${versions}; load ${loadavg()[0]!.toFixed(1)})`);
  try {
    for (const images of values.images.split(',').map(Number)) {
      const [first] = (await peers[0]!.run({ images, runs: 1 })).runsMs;
      for (const peer of peers) await peer.run({ images, runs: 1 });
      const runs = Math.max(1, Math.round(turnMs / first!));
      const turns = peers.map((): Turn[] => []);
      for (let round = 0; round < rounds; round += 1) {
        for (let turn = 0; turn < peers.length; turn += 1) {
          const at = (round + turn) % peers.length;
          const { runsMs, cpuMs } = await peers[at]!.run({ images, runs });
          turns[at]!.push({ runMs: median(runsMs), cpuMs: cpuMs / runs / images });
        }
      }
      report(peers, turns, images);
    }
  } finally {
    for (const peer of peers) await peer.close();
  }
}

/** Milliseconds of a run, and of all cores for an image. */
interface Turn {
  readonly runMs: number;
  readonly cpuMs: number;
}

function report(peers: readonly Peer[], turns: readonly (readonly Turn[])[], images: number): void {
  const [own] = turns;
  for (const [at, { name }] of peers.entries()) {
    const taken = turns[at]!;
    const runMs = median(taken.map((turn) => turn.runMs));
    const cpuMs = median(taken.map((turn) => turn.cpuMs));
    const figures = `${((1000 * images) / runMs).toFixed(1)} images/s, ${runMs.toFixed(1)} ms, CPU ${cpuMs.toFixed(1)} ms an image`;
    const ratio = (of: (turn: Turn) => number): string => {
      const ratios = own!.map((turn, round) => of(taken[round]!) / of(turn));
      return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`;
    };
    const beside = `takes ${ratio(({ runMs }) => runMs)} times Semblance's time, ${ratio(({ cpuMs }) => cpuMs)} times its CPU time`;
    console.log(`  ${images} in a run  ${name.padEnd(16)} ${figures}${at === 0 ? '' : `; ${beside}`}`);
  }
}
