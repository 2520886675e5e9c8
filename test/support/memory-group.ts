import { randomUUID } from 'node:crypto';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface MemoryGroup {
  /** For RunOptions: the program and all that it starts are in the group from their first instruction. */
  readonly launcher: readonly [string, ...string[]];
  remove(): Promise<void>;
}

/** Where Linux mounts control groups, and the file that holds their bound: version 1, then version 2. */
const hierarchies = [
  ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
  ['/sys/fs/cgroup', 'memory.max'],
] as const;

/** A control group that is killed where it takes more memory; undefined where this user may make none. */
export async function makeMemoryGroup(maxBytes: number, program: string): Promise<MemoryGroup | undefined> {
  for (const [root, bound] of hierarchies) {
    const folder = join(root, `semblance-test-${randomUUID()}`);
    try {
      await mkdir(folder);
    } catch {
      continue;
    }
    const remove = async (): Promise<void> => {
      // The kernel takes a moment to let go of processes that have ended.
      for (let attempt = 0; attempt < 100; attempt++) {
        if ((await rmdir(folder).catch(() => 'busy')) === undefined) return;
        await delay(50);
      }
    };
    try {
      await writeFile(join(folder, bound), String(maxBytes), { flag: 'r+' });
    } catch {
      await remove();
      continue;
    }
    const enter = `echo $$ > '${join(folder, 'cgroup.procs')}' && exec "$0" "$@"`;
    return { launcher: ['/bin/sh', '-c', enter, process.execPath, program], remove };
  }
  return undefined;
}
