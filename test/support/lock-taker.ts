import process from 'node:process';
import { lockDataFolder } from '../../src/database/embedded/lock.js';

/** Takes a data folder's lock and holds it until it is killed; kill-point.mjs ahead of it kills it on the way. */
await lockDataFolder(process.argv[2] ?? '', { heartbeatMs: 50 });
process.stdout.write('held');
setInterval(() => undefined, 1_000);
