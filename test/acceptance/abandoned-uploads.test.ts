import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { requestTimeoutMs } from '../../src/base/limits.js';
import { beginUpload } from '../support/begun-upload.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, embeddedStores, spawnServer, startServer, waitFor, type TestServer } from '../support/server.js';

afterAll(cleanUp);

const uploadsIn = async ({ tempFolder }: TestServer): Promise<readonly string[]> =>
  (await readdir(tempFolder)).filter((name) => name.startsWith('capacitor-'));

describe.each(embeddedStores)('the temporary file of an upload during which the server was killed', () => {
  it('is removed by the next start, once no request can be writing it', async () => {
    const server = await startServer();
    const sending = beginUpload(server.url, await makeJpeg(1), 0.5);
    await waitFor('the temporary file', async () => (await uploadsIn(server)).length === 1);
    await server.kill();
    sending.destroy();
    const [left = ''] = await uploadsIn(server);
    expect(left).not.toBe('');
    const past = new Date(Date.now() - 3 * requestTimeoutMs);
    await utimes(join(server.tempFolder, left), past, past);

    const next = await spawnServer({ folder: server.folder });
    await waitFor('the file to be gone', async () => (await uploadsIn(next)).length === 0);
    expect(await next.stop()).toEqual({ code: 0, signal: null });
  });
});
