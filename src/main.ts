#!/usr/bin/env node
// No static imports: they would open several files at once, and a process with too few descriptors is to be told so.
const { ConfigurationError, messageOf, SemblanceError } = await import('./base/errors.js');
const { minFileDescriptors } = await import('./base/limits.js');
const { printable } = await import('./base/printable.js');

// Until a command listens itself: importing what it needs takes longer than some people wait.
process.once('SIGINT', sayInterrupted);

try {
  assertFileDescriptors();
  const { runProgram } = await import('./program.js');
  await runProgram();
} catch (error) {
  // What we know is one sentence; anything else is a defect, and its stack helps whoever reports it.
  const known = error instanceof ConfigurationError || error instanceof SemblanceError;
  const text = (known ? undefined : error instanceof Error ? error.stack : undefined) ?? messageOf(error);
  console.error(text.split('\n').map(printable).join('\n'));
  process.exitCode = 1;
}

/** @throws ConfigurationError. Later, whatever finds none left says that a file or a package is not there. */
function assertFileDescriptors(): void {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
  };
  const allowed = userLimits?.open_files?.soft;
  if (typeof allowed === 'number' && allowed < minFileDescriptors) {
    throw new ConfigurationError(
      `This process may have ${allowed} files open, and needs at least ${minFileDescriptors} file descriptors: raise the limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker).`,
    );
  }
}

/** Ends the process as the signal would by itself, unless a command listens. */
function sayInterrupted(): void {
  if (process.listenerCount('SIGINT') > 0) return;
  process.stderr.write('\nInterrupted.\n');
  process.kill(process.pid, 'SIGINT');
}
