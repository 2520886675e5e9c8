// `npm run dev`: the server from src, restarted after each change, and the page from web with hot reload. Arguments and
// variables of the environment are those of `semblance serve`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers';
import ts from 'typescript';
import { createServer } from 'vite';

const root = resolve(import.meta.dirname, '..');
const command = ['--enable-source-maps', join(root, 'dist', 'main.js'), 'serve', ...process.argv.slice(2)];
const env = { ...process.env };

let server;
let restarting;

/** One restart answers for all that are asked for until the last server has ended. */
function restart() {
  restarting ??= (async () => {
    await stop();
    restarting = undefined;
    // A process group of its own: Ctrl-C would reach the server beside the signal from here, and a second one ends it at once.
    server = spawn(process.execPath, command, { env, stdio: 'inherit', detached: true });
  })();
}

/** Waits for the server's end: the next one needs its port and the lock of its data folder. */
async function stop() {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  server.kill('SIGTERM');
  await once(server, 'exit');
}

const formatHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
};

// Worker threads and decoders run from dist, so the server does too. A changed file is compiled without a look at its types,
// which the editor and `npm run types` check: that takes seconds.
const host = ts.createWatchCompilerHost(
  join(root, 'tsconfig.build.json'),
  { noCheck: true },
  ts.sys,
  ts.createEmitAndSemanticDiagnosticsBuilderProgram,
  (diagnostic) => process.stderr.write(ts.formatDiagnostic(diagnostic, formatHost)),
  () => undefined,
);
// TypeScript waits for 250 ms without a change before it compiles.
host.setTimeout = (compile, _ms, ...args) => setTimeout(compile, 50, ...args);
const emit = host.afterProgramCreate;
host.afterProgramCreate = (compiled) => {
  emit(compiled);
  if (compiled.getSyntacticDiagnostics().length === 0) restart();
};
const watch = ts.createWatchProgram(host);

// vite.config.ts passes requests of the page on to it.
process.env['SEMBLANCE_URL'] = `http://127.0.0.1:${env['PORT'] ?? 4000}`;
const page = await createServer({ configFile: join(root, 'vite.config.ts') });
await page.listen();
page.printUrls();

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
watch.close();
await restarting;
await Promise.all([stop(), page.close()]);
