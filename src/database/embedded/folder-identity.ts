import { stat } from 'node:fs/promises';

/** Which folder, beyond its path: a folder that was moved keeps it, a copy has another. Decimal numbers. */
export interface FolderIdentity {
  readonly device: string;
  readonly inode: string;
}

export async function identityOfFolder(path: string): Promise<FolderIdentity> {
  const { dev, ino } = await stat(path, { bigint: true });
  return { device: String(dev), inode: String(ino) };
}

/**
 * No proof: some network and layered file systems number a folder anew, and a file system may get another device number
 * at the next boot.
 */
export function isSameFolder(
  a: FolderIdentity,
  b: FolderIdentity,
  { sameBoot }: { readonly sameBoot: boolean },
): boolean {
  return a.inode === b.inode && (a.device === b.device || !sameBoot);
}
