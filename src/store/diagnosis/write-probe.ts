import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { messageOf } from '../../errors.js';
import { sqlStateOf } from '../errors.js';
import { ownName, type Schemas } from '../identifiers.js';
import { isServer } from '../pool.js';
import { transaction } from '../transaction.js';
import { problem, type Finding } from './finding.js';

/** More than pages that are begun have room for, and little to clear away. */
const probeBytes = 1_000_000;

const takenBack = new Error('The image of a probe is not kept');

/**
 * Whether a Postgres server takes an image, by one that is stored and taken back: SQL tells of no disk how much is left. Nobody sees
 * its rows; their room is free at the next vacuum. The disk of an embedded database is looked at itself.
 */
export async function probeWrite(pool: pg.Pool, schemas: Schemas): Promise<Finding | undefined> {
  if (!isServer(pool)) return undefined;
  try {
    await transaction(pool, async (client) => {
      await client.query(
        `WITH i AS (
           INSERT INTO ${ownName(schemas, 'image')} (id, sha256, filename, media_type, width, height, byte_size)
           VALUES ($1, repeat('0', 64), 'doctor', 'image/png', 1, 1, $2::integer) RETURNING id)
         INSERT INTO ${ownName(schemas, 'image_content')} (image_id, original, thumbnail)
         SELECT id, convert_to(repeat('x', $2::integer), 'UTF8'), '' FROM i`,
        [randomUUID(), probeBytes],
      );
      throw takenBack;
    });
    return undefined;
  } catch (error) {
    return error === takenBack ? undefined : explain(error);
  }
}

function explain(error: unknown): Finding {
  const said = messageOf(error).replace(/\.$/, '');
  switch (sqlStateOf(error)) {
    case '53100':
      return problem(
        'disk',
        `The disk of the database server is full, so it takes no images: ${said}.`,
        'Free some of it, or make it larger; nothing has to be restarted.',
      );
    case '25006':
      return problem(
        'read-only',
        `The database takes no writes: ${said}.`,
        'Point DATABASE_URL to the server that takes them.',
      );
    default:
      return problem('writes', `The database takes no images: ${said}.`, 'Mend that, and look again.');
  }
}
