// Writes schema.graphql from the built code. `npm run schema` builds first; CI takes the build that it has, and fails where the
// committed file differs.
import { URL } from 'node:url';
import { writeFile } from 'node:fs/promises';
import { printSchema } from 'graphql';
import { buildGraphqlSchema } from '../dist/api/schema.js';

const note = '# Emitted from src by `npm run schema`. Do not edit.\n\n';
await writeFile(new URL('../schema.graphql', import.meta.url), `${note}${printSchema(await buildGraphqlSchema())}\n`);
