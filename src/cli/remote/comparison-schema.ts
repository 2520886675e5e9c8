import { z } from 'zod';
import type { SpaceComparison } from '../../spaces/compare/compare-spaces.js';
import type { SpaceState } from '../../database/store.js';
import { lowerCaseEnum } from './enum-schema.js';

/** Of a space, as GraphQL names it. */
export const stateSchema = lowerCaseEnum<SpaceState>();

const interval = z.object({ mean: z.number(), low: z.number(), high: z.number() });
const image = { imageId: z.string(), filename: z.string(), label: z.string().nullable() };
const hits = z.array(z.object({ ...image, similarity: z.number(), shared: z.boolean() }));
const space = z.object({
  name: z.string(),
  description: z.string(),
  state: stateSchema,
  missing: z.number(),
  searchMs: z.number(),
  byIndex: z.number(),
});

/** A comparison as a server tells it. */
export const comparisonSchema: z.ZodType<SpaceComparison> = z.object({
  a: space,
  b: space,
  seed: z.number(),
  k: z.number(),
  depth: z.number(),
  images: z.object({ stored: z.number(), shared: z.number() }),
  queries: z.number(),
  deleted: z.number(),
  short: z.number(),
  overlap: interval,
  labels: z.object({
    labelled: z.number(),
    evaluated: z.number(),
    measures: z.array(
      z.object({ name: z.string(), meaning: z.string(), a: interval, b: interval, difference: interval }),
    ),
  }),
  mostDifferent: z.array(z.object({ ...image, overlap: z.number(), a: hits, b: hits })),
});

const intervalFields = '{ mean low high }';
const imageFields = 'imageId filename label';
const hitFields = `{ ${imageFields} similarity shared }`;
const spaceFields = '{ name description state missing searchMs byIndex }';

/** In the order of the operation's own answer, for `--json`. */
export const comparisonFields = `a ${spaceFields} b ${spaceFields} seed k depth images { stored shared } queries deleted short
  overlap ${intervalFields}
  labels { labelled evaluated measures { name meaning a ${intervalFields} b ${intervalFields} difference ${intervalFields} } }
  mostDifferent { ${imageFields} overlap a ${hitFields} b ${hitFields} }`;
