import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether a SmallDisk can be had: only root may mount, and in most containers not even root. Tries it. */
export async function isMountAllowed(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'sb-mount-'));
  try {
    const disk = await SmallDisk.mount(folder, 1);
    await disk.unmount();
    return true;
  } catch {
    console.warn(`${folder} is no disk of its own: tests of a full disk are left out. Run them as root.`);
    return false;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A file system of its own, in memory. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  static async mount(folder: string, megabytes: number): Promise<SmallDisk> {
    await mkdir(folder, { recursive: true });
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.folder);
    return bavail * bsize;
  }

  /** Until so many bytes are left, or none. */
  async fill(freeBytes = 0): Promise<void> {
    await this.empty();
    await writeFile(this.#filler, Buffer.alloc((await this.freeBytes()) - freeBytes));
  }

  /** Takes back what `fill` took. */
  async empty(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  /** Also where something on it is still open. */
  async unmount(): Promise<void> {
    await run('umount', ['-l', this.folder]);
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}
