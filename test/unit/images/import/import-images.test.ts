import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SemblanceError } from '../../../../src/base/errors.js';
import { imageIdOf } from '../../../../src/base/identity.js';
import {
  importImages,
  type ImportEvent,
  type ImportImage,
  type ImportSource,
  type ImportTarget,
} from '../../../../src/images/import/import-images.js';

function idOf(bytes: Uint8Array): string {
  return imageIdOf(createHash('sha256').update(bytes).digest('hex'));
}

function source(path: string, content = path): ImportSource {
  return { path, filename: path, metadata: { path }, read: () => Promise.resolve(Buffer.from(content)) };
}

function sources(count: number): ImportSource[] {
  return Array.from({ length: count }, (_, index) => source(`${index}`));
}

/** Keeps what it is sent, and notes how it was asked. */
class RecordingTarget implements ImportTarget {
  readonly stored = new Map<string, ImportImage>();
  readonly idQueries: number[] = [];
  readonly sent: string[] = [];
  busy = 0;
  mostBusy = 0;

  constructor(readonly before: (image: ImportImage) => Promise<void> = () => Promise.resolve()) {}

  existingIds(ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.idQueries.push(ids.length);
    return Promise.resolve(new Set(ids.filter((id) => this.stored.has(id))));
  }

  async upload(image: ImportImage): Promise<{ readonly created: boolean }> {
    this.mostBusy = Math.max(this.mostBusy, ++this.busy);
    try {
      this.sent.push(image.filename);
      await this.before(image);
      const id = idOf(image.bytes);
      const created = !this.stored.has(id);
      this.stored.set(id, image);
      return { created };
    } finally {
      this.busy--;
    }
  }
}

const refused = (message: string) => new SemblanceError('INVALID_IMAGE', message);

describe('importImages', () => {
  it('sends what is not stored, and asks for ids in batches', async () => {
    const target = new RecordingTarget();
    await importImages({ sources: sources(100), target });
    expect(target.stored.size).toBe(100);

    const again = new RecordingTarget();
    for (const [id, image] of [...target.stored].slice(0, 70)) again.stored.set(id, image);
    const summary = await importImages({ sources: sources(100), target: again });
    expect(summary).toEqual({ imported: 30, known: 70, failures: [], interrupted: false });
    expect(again.sent).toHaveLength(30);
    expect(again.idQueries).toEqual([64, 36]);
  });

  it('sends the same bytes once, whatever they are called', async () => {
    const target = new RecordingTarget();
    const twice = [source('a', 'same'), source('b', 'same'), source('c', 'same')];
    expect(await importImages({ sources: twice, target })).toMatchObject({ imported: 1, known: 2 });
    expect(target.sent).toEqual(['a']);
  });

  it('goes on after a bad file, and gives its copies the same reason', async () => {
    const target = new RecordingTarget(({ filename }) =>
      filename === 'bad' ? Promise.reject(refused('It is broken')) : Promise.resolve(),
    );
    const unreadable = {
      ...source('gone'),
      read: () => Promise.reject(Object.assign(new Error(), { code: 'ENOENT' })),
    };
    const events: ImportEvent[] = [];
    const summary = await importImages({
      sources: [source('bad', 'x'), unreadable, source('copy', 'x'), source('good')],
      target,
      onEvent: (event) => events.push(event),
    });
    expect(summary.imported).toBe(1);
    expect([...summary.failures].sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'bad', reason: 'It is broken' },
      { path: 'copy', reason: 'It is broken' },
      { path: 'gone', reason: 'There is no such file' },
    ]);
    expect(events).toHaveLength(4);
  });

  it('keeps to the concurrency', async () => {
    const target = new RecordingTarget(() => new Promise((resolve) => setImmediate(resolve)));
    await importImages({ sources: sources(50), target, concurrency: 3 });
    expect(target.mostBusy).toBe(3);
  });

  it('tries again where the target is overloaded for a moment', async () => {
    let refusals = 2;
    const target = new RecordingTarget(() =>
      refusals-- > 0 ? Promise.reject(new SemblanceError('OVERLOADED', 'The queue is full')) : Promise.resolve(),
    );
    const summary = await importImages({ sources: [source('a')], target, retryWaitsMs: [0, 0] });
    expect(summary).toMatchObject({ imported: 1, failures: [] });
    expect(target.sent).toEqual(['a', 'a', 'a']);
  });

  it('tells why it ends, and not that the others were stopped because of it', async () => {
    const full = new SemblanceError('STORAGE_FULL', 'The database has no room left');
    let isWaiting: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
    const target = new RecordingTarget(async ({ filename }) => {
      if (filename !== '63') return;
      await waiting;
      throw full;
    });
    // The next batch waits for another attempt, and one worker for it, when the other finds the disk full.
    target.existingIds = (ids) => {
      if (ids.length > 1) return Promise.resolve(new Set());
      setImmediate(isWaiting);
      return Promise.reject(new SemblanceError('OVERLOADED', 'Busy'));
    };
    const importing = importImages({ sources: sources(65), target, concurrency: 2, retryWaitsMs: [60_000] });
    await expect(importing).rejects.toBe(full);
  });

  it('ends with a summary where it is interrupted while it waits for the ids', async () => {
    const interrupt = new AbortController();
    const target: ImportTarget = {
      existingIds: () => {
        setImmediate(() => {
          interrupt.abort();
        });
        return Promise.reject(new SemblanceError('OVERLOADED', 'Busy'));
      },
      upload: () => Promise.reject(new Error('Nothing is sent')),
    };
    const importing = importImages({ sources: sources(3), target, retryWaitsMs: [60_000], signal: interrupt.signal });
    expect(await importing).toEqual({ imported: 0, known: 0, failures: [], interrupted: true });
  });

  it.each(['DATABASE_UNAVAILABLE', 'MODEL_UNAVAILABLE', 'STORAGE_FULL', 'UNAUTHENTICATED'] as const)(
    'ends where every other image would fail too: %s',
    async (code) => {
      const target = new RecordingTarget(({ filename }) =>
        filename === '5' ? Promise.reject(new SemblanceError(code, 'No more')) : Promise.resolve(),
      );
      const run = importImages({ sources: sources(500), target, concurrency: 2, retryWaitsMs: [] });
      await expect(run).rejects.toMatchObject({ code });
      expect(target.sent.length).toBeLessThan(10);
    },
  );

  it('stops when it is told to, and goes on there the next time', async () => {
    const interrupt = new AbortController();
    const target = new RecordingTarget(({ filename }) => {
      if (filename === '80') interrupt.abort();
      return Promise.resolve();
    });
    const summary = await importImages({ sources: sources(300), target, concurrency: 2, signal: interrupt.signal });
    expect(summary.interrupted).toBe(true);
    expect(summary.imported).toBe(target.stored.size);
    expect(summary.imported).toBeLessThan(90);
    const rest = await importImages({ sources: sources(300), target });
    expect(rest).toEqual({
      imported: 300 - summary.imported,
      known: summary.imported,
      failures: [],
      interrupted: false,
    });
  });

  it('sends nothing where it only checks', async () => {
    const target = new RecordingTarget();
    const summary = await importImages({
      sources: [source('good'), source('bad'), source('good twice', 'good')],
      target,
      check: (bytes) => (bytes.toString() === 'bad' ? Promise.reject(refused('It is broken')) : Promise.resolve()),
    });
    expect(summary).toMatchObject({ imported: 1, known: 1, failures: [{ path: 'bad', reason: 'It is broken' }] });
    expect(target.sent).toEqual([]);
  });
});
