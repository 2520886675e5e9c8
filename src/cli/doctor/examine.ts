import { tmpdir } from 'node:os';
import type { Config } from '../../base/config.js';
import { messageOf } from '../../base/errors.js';
import { healthTimeoutMs } from '../../base/limits.js';
import { diagnoseDatabase } from '../../database/diagnosis/database.js';
import { problem, type Finding } from '../../database/diagnosis/finding.js';
import { diagnoseDataFolder } from '../../database/diagnosis/folder.js';
import { diagnoseDisk } from './disk.js';
import { diagnoseFirstModel, diagnoseModels } from './models.js';

/**
 * Looks for everything that keeps this configuration from serving, or will, and changes nothing. Problems first.
 */
export async function examine(config: Config): Promise<readonly Finding[]> {
  const findings = [
    ...(await diagnoseStore(config)),
    ...(config.database.kind === 'embedded' ? await diagnoseDisk(config.dataDir, 'the data folder') : []),
    ...(await diagnoseDisk(tmpdir(), 'the folder for temporary files')),
  ];
  const isProblem = ({ level }: Finding): boolean => level === 'problem';
  return [...findings.filter(isProblem), ...findings.filter((finding) => !isProblem(finding))];
}

async function diagnoseStore(config: Config): Promise<readonly Finding[]> {
  const { database, dataDir } = config;
  if (database.kind === 'memory') return diagnoseFirstModel(config);
  const further: Parameters<typeof diagnoseDatabase>[1] = (store) => diagnoseModels(store, config);
  if (database.kind === 'server') return diagnoseDatabase(config, further);

  const { findings, openable, serverUrl } = await diagnoseDataFolder(dataDir);
  if (serverUrl !== undefined) return [...findings, ...(await diagnoseServer(serverUrl))];
  if (openable) return [...findings, ...(await diagnoseDatabase(config, further))];
  return [...findings, ...(await diagnoseFirstModel(config))];
}

/** What the server that holds the data folder says of itself. It names its reasons on loopback alone. */
export async function diagnoseServer(url: string): Promise<readonly Finding[]> {
  const remedy = `Mend that; ${new URL('/readyz', url).href} tells when it is.`;
  try {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(2 * healthTimeoutMs) });
    const answer = (await response.json()) as { readonly reasons?: readonly string[] };
    if (response.ok) return [];
    const reasons = answer.reasons ?? ['its log tells why'];
    return reasons.map((reason) => problem('server', `The server is not ready: ${firstLine(reason)}.`, remedy));
  } catch (error) {
    return [
      problem(
        'server',
        `The server at ${url} does not answer: ${messageOf(error)}.`,
        'Look into its log, and restart it.',
      ),
    ];
  }
}

function firstLine(text: string): string {
  return text.split('\n').join(' ').replace(/\.$/, '');
}
