import { afterEach, expect, test, vi } from 'vitest';
import { noteMemory } from '../../../src/cli/local-gallery.js';
import { DataFolderInUseError } from '../../../src/store/embedded/lock.js';

afterEach(() => vi.restoreAllMocks());

test('a command on a gallery in memory says that nothing is kept, and on others nothing', () => {
  const written: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  noteMemory({ database: { kind: 'embedded' } });
  expect(written).toEqual([]);
  noteMemory({ database: { kind: 'memory' } });
  expect(written).toEqual([expect.stringContaining('nothing of it is kept')]);
});

test('a gallery that another command holds is refused by saying how several work at a time', () => {
  expect(new DataFolderInUseError('/data', 4711, undefined).message).toMatch(
    /process 4711\. Wait for it to end.*start a server with `semblance serve`.*--server/,
  );
});
