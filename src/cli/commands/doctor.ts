import { tmpdir } from 'node:os';
import type { Command } from 'commander';
import { secretsOf, type Config } from '../../base/config.js';
import { ConfigurationError } from '../../base/errors.js';
import { findAbandonedUploads } from '../../http/abandoned-uploads.js';
import { examine } from '../doctor/examine.js';
import { redact } from '../../base/redact.js';
import { advice, problem, type Finding } from '../../database/diagnosis/finding.js';
import { loadGalleryConfig } from '../command-config.js';
import { print } from '../output.js';
import { printable } from '../../base/printable.js';
import type { Environment } from '../run.js';

export function registerDoctor(program: Command, env: Environment): void {
  program
    .command('doctor')
    .summary('find what is wrong, and say what to do')
    .description(
      'Looks at the configuration, the data folder, the database, its rights, extension, migrations, indexes and spaces, the models, the jobs and the disks, and prints a line for each thing that is wrong, with what to do about it. ' +
        'It changes nothing. It ends with 1 where something is wrong; advice alone ends with 0. An embedded database that a running server holds is not looked at: the server is asked instead.',
    )
    .option('--json', 'print JSON instead of lines', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const findings = await diagnose(env);
      const ok = !findings.some(({ level }) => level === 'problem');
      if (json) print(JSON.stringify({ ok, findings }, undefined, 2));
      else printFindings(findings);
      if (!ok) process.exitCode = 1;
    });
}

async function diagnose(env: Environment): Promise<readonly Finding[]> {
  let config: Config;
  try {
    config = loadGalleryConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message
      .split('\n')
      .map((line) =>
        problem('configuration', `${line}.`, 'Correct the variable: docs/configuration.md lists all of them.'),
      );
  }
  const secrets = secretsOf(config);
  const findings = [...(await examine(config)), ...(await leftUploads())];
  return findings.map((finding) => ({
    ...finding,
    message: redact(finding.message, secrets),
    remedy: redact(finding.remedy, secrets),
  }));
}

async function leftUploads(): Promise<readonly Finding[]> {
  const { length } = await findAbandonedUploads();
  if (length === 0) return [];
  return [
    advice(
      'leftovers',
      `${length} temporary files of uploads that a killed server left lie in ${tmpdir()}.`,
      'Start the server, which removes them.',
    ),
  ];
}

function printFindings(findings: readonly Finding[]): void {
  for (const { level, check, message, remedy } of findings) {
    print(
      printable(`${level === 'problem' ? 'problem' : 'advice '}  ${check}: ${message} ${remedy}`.replaceAll('\n', ' ')),
    );
  }
  print(describeCount(findings));
}

/** The last line: that nothing is wrong stands below nothing else. */
export function describeCount(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong.';
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const advised = findings.length - problems;
  const found = problems === 0 ? 'No problem' : problems === 1 ? '1 problem' : `${problems} problems`;
  return advised === 0 ? `${found}.` : `${found}, and advice on ${advised === 1 ? '1 thing' : `${advised} things`}.`;
}
