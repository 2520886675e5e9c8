import { access, constants, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  describeCopy,
  folderName,
  postgresMajor,
  readDatabaseFolder,
  unfinishedPrefix,
  UnreadableDatabaseError,
} from '../embedded/data-folder.js';
import { findCopiedFromPid, findHolder } from '../embedded/lock.js';
import { advice, problem, type Finding } from './finding.js';

export interface FolderDiagnosis {
  readonly findings: readonly Finding[];
  /** Whether there is a database that this process may open. */
  readonly openable: boolean;
  /** Where the server that holds the folder listens. */
  readonly serverUrl: string | undefined;
}

const check = 'data-folder';
const elsewhere = 'or set SEMBLANCE_DATA_DIR to another folder';

/** Looks at the embedded database's folder from outside; makes and changes nothing. */
export async function diagnoseDataFolder(dataDir: string): Promise<FolderDiagnosis> {
  const closed = (...findings: readonly Finding[]): FolderDiagnosis => ({
    findings,
    openable: false,
    serverUrl: undefined,
  });
  const found = await stat(dataDir).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return error as NodeJS.ErrnoException;
  });
  if (found === undefined) return closed(await missing(dataDir));
  if (found instanceof Error) {
    return closed(problem(check, `The data folder ${dataDir} cannot be reached (${found.code ?? ''}).`, mend));
  }
  if (!found.isDirectory()) {
    return closed(problem(check, `The data folder ${dataDir} is no folder.`, `Move it away, ${elsewhere}.`));
  }
  if (!(await isWritable(dataDir))) {
    return closed(problem(check, `The data folder ${dataDir} cannot be written by this user.`, mend));
  }

  const holder = await findHolder(dataDir);
  if (holder !== undefined) {
    const { pid, url } = holder;
    const finding =
      url === undefined
        ? problem(
            'data-folder-held',
            `The data folder ${dataDir} is held by process ${pid}, which serves nobody.`,
            'Wait for it to end, and look again.',
          )
        : advice(
            'data-folder-held',
            `The data folder ${dataDir} is held by a server at ${url} (process ${pid}), so the database was not looked at.`,
            'Stop the server and look again for the rest.',
          );
    return { findings: [finding], openable: false, serverUrl: url };
  }
  const copiedFromPid = await findCopiedFromPid(dataDir);
  const { findings, openable } = await diagnoseContents(dataDir);
  return {
    findings: copiedFromPid === undefined ? findings : [copied(dataDir, copiedFromPid), ...findings],
    openable,
    serverUrl: undefined,
  };
}

const mend = `Give this user the right to it, ${elsewhere}.`;

function copied(dataDir: string, pid: number): Finding {
  return advice(
    check,
    describeCopy(dataDir, pid),
    'Unless that process had been killed before, copy the folder again while no server holds it, or `semblance export` the original.',
  );
}

async function missing(dataDir: string): Promise<Finding> {
  let parent = dirname(dataDir);
  while (parent !== dirname(parent) && (await stat(parent).catch(() => undefined)) === undefined) {
    parent = dirname(parent);
  }
  return (await isWritable(parent))
    ? advice(
        check,
        `There is no data folder at ${dataDir} yet.`,
        'Start the server to make it; if a gallery should be there, correct SEMBLANCE_DATA_DIR.',
      )
    : problem(check, `There is no data folder at ${dataDir}, and this user may not make it in ${parent}.`, mend);
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function diagnoseContents(dataDir: string): Promise<Pick<FolderDiagnosis, 'findings' | 'openable'>> {
  const entries = await readdir(dataDir);
  const findings: Finding[] = [];
  const unfinished = entries.filter((name) => name.startsWith(unfinishedPrefix));
  if (unfinished.length > 0) {
    findings.push(
      advice(
        'leftovers',
        `A start that was cut off left ${unfinished.join(' and ')} in the data folder.`,
        'Start the server, which removes it.',
      ),
    );
  }
  const folder = join(dataDir, folderName);
  const found = await readDatabaseFolder(folder).catch((error: unknown) => {
    if (error instanceof UnreadableDatabaseError) return error;
    throw error;
  });
  if (found instanceof UnreadableDatabaseError) {
    findings.push(problem(check, found.problem, found.remedy));
    return { findings, openable: false };
  }
  if (found.kind === 'missing' || found.kind === 'empty') {
    findings.push(advice(check, `The data folder ${dataDir} holds no database yet.`, 'Start the server to make it.'));
    return { findings, openable: false };
  }
  if (found.kind === 'database' && found.postgresMajor === postgresMajor) return { findings, openable: true };
  findings.push(
    found.kind === 'foreign'
      ? problem(
          check,
          `The folder ${folder} is not empty and holds no whole Postgres database.`,
          `Restore it from a backup, move it away, ${elsewhere}.`,
        )
      : problem(
          check,
          `The folder ${folder} was written by Postgres ${found.postgresMajor}, and this version of Semblance embeds Postgres ${postgresMajor}.`,
          `Export it with the version of Semblance that wrote it and import that, ${elsewhere}.`,
        ),
  );
  return { findings, openable: false };
}
