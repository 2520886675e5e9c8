import { afterAll, expect, it } from 'vitest';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer } from '../support/server.js';

afterAll(cleanUp);

/** The other reasons: database-away.test.ts, model.test.ts, and start.test.ts for migrations. */
it('says that it leaves, and goes on serving until load balancers have heard', async () => {
  const server = await startServer({ env: { SEMBLANCE_DRAIN_SECONDS: '300' } });
  const { client } = server;
  process.kill(server.child.pid ?? 0, 'SIGTERM');
  await server.answers('/readyz', 503);
  expect(JSON.parse((await client.get('/readyz')).body.toString())).toEqual({
    ready: false,
    reasons: ['the server is shutting down'],
  });
  expect((await client.get('/livez')).status).toBe(200);
  expect((await client.upload(await makeJpeg(1))).created).toBe(true);
  expect(server.running).toBe(true);
  // Nobody waits for the rest of the 300 seconds who says so.
  process.kill(server.child.pid ?? 0, 'SIGTERM');
  expect(await server.exited).toEqual({ code: 0, signal: null });
});
