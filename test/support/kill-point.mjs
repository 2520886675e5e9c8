/**
 * Loaded ahead of the program (`node --import`): ends it by SIGKILL at one statement or file operation, as KILL_POINT says, once the
 * file `armed` is there. See kill-points.ts. In worker threads too.
 */
import { existsSync, promises } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';
import process from 'node:process';
import { setImmediate } from 'node:timers';

const { armed, sql, file, behind, when, nth } = JSON.parse(process.env.KILL_POINT);
const pattern = new RegExp(sql ?? file, 's');
let left = nth;

function isThePoint(text) {
  if (typeof text !== 'string' || !pattern.test(text) || !existsSync(armed)) return false;
  left -= 1;
  return left === 0;
}

function die() {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

if (sql !== undefined) {
  const require = createRequire(resolve(import.meta.dirname, '../../package.json'));
  const { Client } = require('pg');
  const { query } = Client.prototype;
  const before = new RegExp(behind ?? '', 's');
  const last = Symbol('the statement before');
  Client.prototype.query = function (statement, ...rest) {
    const text = typeof statement === 'string' ? statement : statement?.text;
    const follows = before.test(this[last] ?? '');
    this[last] = text;
    if (!follows || !isThePoint(text)) {
      return query.call(this, statement, ...rest);
    }
    if (when === 'before') die();
    if (when === 'sent') {
      // Written to the socket, and not yet answered.
      setImmediate(die);
      return query.call(this, statement, ...rest);
    }
    const callback = rest.at(-1);
    if (typeof callback === 'function') return query.call(this, statement, ...rest.slice(0, -1), die);
    return query.call(this, statement, ...rest).then(die);
  };
} else {
  for (const name of ['rename', 'link', 'rm', 'unlink']) {
    const original = promises[name];
    promises[name] = async (path, ...rest) => {
      const isHere = isThePoint(`${name} ${path} ${rest[0]}`);
      if (isHere && when === 'before') die();
      const result = await original(path, ...rest);
      if (isHere) die();
      return result;
    };
  }
  syncBuiltinESMExports();
}
