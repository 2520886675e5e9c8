import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { minFreeDiskBytes } from '../../base/limits.js';
import { problem, type Finding } from '../../database/diagnosis/finding.js';

/** Whether the disk that holds `folder`, or will, is nearly full, in bytes or in files. */
export async function diagnoseDisk(
  folder: string,
  what: string,
  { minFreeBytes = minFreeDiskBytes }: { readonly minFreeBytes?: number } = {},
): Promise<readonly Finding[]> {
  const stats = await statfsOfNearest(folder);
  if (stats === undefined) return [];
  const freeBytes = stats.bavail * stats.bsize;
  const findings: Finding[] = [];
  if (freeBytes < minFreeBytes) {
    findings.push(
      problem(
        'disk',
        `The disk of ${what} (${folder}) has ${Math.floor(freeBytes / 1_000_000)} MB left.`,
        'Free some, or move it to another disk.',
      ),
    );
  }
  // File systems without a table of files say that they have none.
  if (stats.files > 0 && stats.ffree === 0) {
    findings.push(
      problem(
        'disk',
        `The disk of ${what} (${folder}) takes no more files.`,
        'Remove files, or move it to another disk.',
      ),
    );
  }
  return findings;
}

async function statfsOfNearest(folder: string): Promise<StatsFs | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const stats = await statfs(at).catch(() => undefined);
    if (stats !== undefined || at === dirname(at)) return stats;
  }
}
