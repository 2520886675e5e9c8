#!/usr/bin/env node
import 'reflect-metadata';
import { Command } from 'commander';
import { registerServe } from './cli/serve.js';
import { packageVersion } from './paths.js';
import { ConfigurationError, messageOf, SemblanceError } from './errors.js';

const program = new Command('semblance')
  .description('Visual search on Postgres: stores images with their embeddings and finds those that look alike.')
  .version(packageVersion)
  .showHelpAfterError();

registerServe(program);

try {
  await program.parseAsync();
} catch (error) {
  // What we know is one sentence; anything else is a defect, and its stack helps whoever reports it.
  const known = error instanceof ConfigurationError || error instanceof SemblanceError;
  console.error(known || !(error instanceof Error) ? messageOf(error) : error.stack);
  process.exitCode = 1;
}
