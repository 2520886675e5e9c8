import { z } from 'zod';
import { SemblanceError } from '../../base/errors.js';
import { comparisonFields, comparisonSchema, stateSchema } from './comparison-schema.js';
import { followJob, type FollowOptions, type JobDocument } from './follow-job.js';
import { GraphqlClient, isInvalidDocument } from './graphql-client.js';
import { openRemoteGallery } from './remote-gallery.js';
import type { SpaceDoor } from '../spaces/space-door.js';

const failureFields = 'failedCount failed { imageId message }';
const failureShape = {
  failedCount: z.number(),
  failed: z.array(
    z.object({ imageId: z.string(), message: z.string() }).transform(({ imageId, message }) => ({
      imageId,
      reason: message,
    })),
  ),
};

/** The spaces of a server, over the GraphQL that anybody uses. What takes long is a job there. */
export function openRemoteSpaces(server: URL, credential?: string): SpaceDoor {
  const client = new GraphqlClient(server, credential);
  const gallery = openRemoteGallery(server, credential);

  const follow = <T>(document: JobDocument<T>, options: FollowOptions) =>
    followJob(client, document, options).catch(explainOlder);
  /** The job's result, or, once Ctrl-C has cancelled it, how many images it had worked on. */
  const followUntilInterrupted = async <T>(document: JobDocument<T>, { signal, onProgress }: FollowOptions) => {
    let done = 0;
    const report: FollowOptions['onProgress'] = (progress) => {
      done = progress.done;
      onProgress?.(progress);
    };
    try {
      return { interrupted: false, result: await follow(document, { signal, onProgress: report }) } as const;
    } catch (error) {
      if (signal?.aborted !== true || error instanceof SemblanceError) throw error;
      return { interrupted: true, done } as const;
    }
  };
  const ask = async <T>(schema: z.ZodType<T>, query: string, variables: Readonly<Record<string, unknown>>) =>
    (await client.query(schema, query, variables).catch(explainOlder)).data;

  const findSpace = async (name: string) => {
    const space = z.object({ name: z.string(), state: stateSchema, missingCount: z.number() });
    const { spaces } = await ask(z.object({ spaces: z.array(space) }), '{ spaces { name state missingCount } }', {});
    const found = spaces.find((listed) => listed.name === name);
    if (found === undefined) throw new SemblanceError('NOT_FOUND', `The space ${name} was removed`);
    return found;
  };

  return {
    listSpaces: async () => (await gallery.methods()).spaces,

    createSpace: async ({ name, recipe, sampleImages, seed, ...options }) => {
      const { sampled, neighboursKept, ...made } = await follow(
        {
          mutation: 'createSpace',
          types: { name: 'String!', method: 'String', sampleImages: 'Int', seed: 'Float', backfill: 'Boolean!' },
          variables: { name, method: recipe, sampleImages, seed, backfill: false },
          fields: `description dimensions sampled neighboursKept missing ${failureFields}`,
          result: z.object({
            description: z.string(),
            dimensions: z.number(),
            sampled: z.number().nullable(),
            neighboursKept: z.number().nullable(),
            missing: z.number(),
            ...failureShape,
          }),
        },
        options,
      );
      return { ...made, sampled: sampled ?? 0, neighboursKept: neighboursKept ?? undefined };
    },

    backfillSpace: async ({ name, ...options }) => {
      const followed = await followUntilInterrupted(
        {
          mutation: 'backfillSpace',
          types: { name: 'String!' },
          variables: { name },
          fields: `embedded missing ${failureFields}`,
          result: z.object({ embedded: z.number(), missing: z.number(), ...failureShape }),
        },
        options,
      );
      const { state, missingCount: missing } = await findSpace(name);
      if (!followed.interrupted) return { ...followed.result, state, interrupted: false };
      return { state, embedded: followed.done, missing, failed: [], failedCount: 0, interrupted: true };
    },

    compareSpaces: async ({ a, b, sample, seed, k, ...options }) => {
      const { comparison } = await follow(
        {
          mutation: 'compareSpaces',
          types: { a: 'String!', b: 'String!', sample: 'Int', seed: 'Float', k: 'Int' },
          variables: { a, b, sample, seed, k },
          fields: `comparison { ${comparisonFields} }`,
          result: z.object({ comparison: comparisonSchema }),
        },
        options,
      );
      return comparison;
    },

    activateSpace: async ({ name, force = false }) => {
      const schema = z.object({
        activateSpace: z.object({
          space: z.object({ name: z.string() }),
          former: z
            .string()
            .nullable()
            .transform((former) => former ?? undefined),
          missing: z.number(),
        }),
      });
      const query =
        'mutation ($name: String!, $force: Boolean!) { activateSpace(name: $name, force: $force) { space { name } former missing } }';
      const { activateSpace } = await ask(schema, query, { name, force });
      return { ...activateSpace, space: activateSpace.space.name };
    },

    retireSpace: async (name) => {
      const schema = z.object({ retireSpace: z.object({ space: z.object({ name: z.string() }) }) });
      const query = 'mutation ($name: String!) { retireSpace(name: $name) { space { name } } }';
      return (await ask(schema, query, { name })).retireSpace.space.name;
    },

    removeSpace: async (name) => {
      const schema = z.object({ removeSpace: z.object({ removedName: z.string() }) });
      const query = 'mutation ($name: String!) { removeSpace(name: $name) { removedName } }';
      return (await ask(schema, query, { name })).removeSpace.removedName;
    },

    trainScorer: async ({ space, kind, seed, epochs, ...options }) => {
      const { trainedOn: images, ...trained } = await follow(
        {
          mutation: 'trainScorer',
          types: { kind: 'ScorerKind!', space: 'String', seed: 'Float', epochs: 'Int' },
          variables: { kind: kind.toUpperCase(), space, seed, epochs },
          fields: 'space trainedOn classes',
          result: z.object({ space: z.string(), trainedOn: z.number(), classes: z.number() }),
        },
        options,
      );
      return { ...trained, kind, images };
    },

    indexRegions: async ({ space, ...options }) => {
      const followed = await followUntilInterrupted(
        {
          mutation: 'indexRegions',
          types: { space: 'String' },
          variables: { space },
          fields: `space indexed ${failureFields}`,
          result: z.object({ space: z.string(), indexed: z.number(), ...failureShape }),
        },
        options,
      );
      if (!followed.interrupted) return { ...followed.result, interrupted: false };
      const name = space ?? (await gallery.stats()).activeSpace;
      return { space: name, indexed: followed.done, failed: [], failedCount: 0, interrupted: true };
    },

    findImage: (id) => gallery.findImage(id),
    readThumbnail: (id) => gallery.readThumbnail(id),
  };
}

/** A server of before jobs refuses the whole document; its own words name GraphQL, not commands. */
function explainOlder(error: unknown): never {
  if (!isInvalidDocument(error)) throw error;
  throw new SemblanceError(
    'BAD_USER_INPUT',
    'This server is older than the command and cannot do this for a client: update it.',
    { cause: error },
  );
}
