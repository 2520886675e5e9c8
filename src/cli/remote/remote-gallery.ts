import { z } from 'zod';
import { SemblanceError } from '../../base/errors.js';
import type { RerankerName } from '../../methods/rerank/reranker.js';
import type { ScorerKind, SpaceState } from '../../database/store.js';
import type { SearchMode } from '../../database/types.js';
import { enumSchema, lowerCaseEnum } from './enum-schema.js';
import type { Gallery, GalleryAnswer, GallerySearch, GalleryStats } from '../gallery.js';
import { GraphqlClient, isInvalidDocument, type GraphqlAnswer } from './graphql-client.js';

const imageSchema = z.object({ id: z.string(), filename: z.string(), metadata: z.record(z.string(), z.unknown()) });
const regionSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
const hitsSchema = z.array(
  z.object({
    similarity: z.number(),
    image: imageSchema,
    score: z
      .number()
      .nullish()
      .transform((score) => score ?? undefined),
    region: regionSchema.nullish().transform((region) => region ?? undefined),
  }),
);
const searchSchema = z.object({ space: z.string(), mode: enumSchema<SearchMode>() });
const statusSchema = z.object({
  imageCount: z.number(),
  activeSpace: z.string(),
  model: z.string(),
  dimensions: z.number(),
  store: lowerCaseEnum<GalleryStats['store']>(),
});

const scorerKindSchema = lowerCaseEnum<ScorerKind>();
const methodsSchema = z.object({
  methods: z.object({
    spaces: z.array(
      z.object({
        name: z.string(),
        model: z.string(),
        description: z.string(),
        dimensions: z.number(),
        state: lowerCaseEnum<SpaceState>(),
        imageCount: z.number(),
        regionCount: z.number(),
        scorers: z.array(scorerKindSchema),
      }),
    ),
    rerankers: z.array(
      z.object({
        name: enumSchema<RerankerName>(),
        description: z.string(),
        needs: z.object({
          grey: z.boolean(),
          scorer: scorerKindSchema.nullish().transform((kind) => kind ?? undefined),
        }),
      }),
    ),
  }),
});
const methodsQuery = `{ methods {
  spaces { name model description dimensions state imageCount regionCount scorers }
  rerankers { name description needs { grey scorer } }
} }`;

const imageFields = 'id filename metadata';
const hitFields = `similarity image { ${imageFields} }`;

/** The gallery of a server, over the GraphQL that anybody uses. */
export function openRemoteGallery(server: URL, apiKey?: string): Gallery {
  const client = new GraphqlClient(server, apiKey);

  const findImage = async (id: string, fields = imageFields) => {
    const schema = z.object({
      image: imageSchema.partial().extend({ thumbnailUrl: z.string().optional() }).nullable(),
    });
    const { data } = await client.query(schema, `query ($id: ID!) { image(id: $id) { ${fields} } }`, { id });
    return data.image ?? undefined;
  };

  return {
    place: client.address,

    existingIds: async (ids) => {
      // One request for all of them: an alias for each.
      const parameters = ids.map((_, index) => `$i${index}: ID!`).join(', ');
      const fields = ids.map((_, index) => `a${index}: image(id: $i${index}) { id }`).join(' ');
      const variables = Object.fromEntries(ids.map((id, index) => [`i${index}`, id]));
      const schema = z.record(z.string(), z.object({ id: z.string() }).nullable());
      const { data } = await client.query(schema, `query (${parameters}) { ${fields} }`, variables);
      return new Set(Object.values(data).flatMap((image) => image?.id ?? []));
    },

    upload: async ({ bytes, filename, metadata }) => {
      const schema = z.object({ uploadImage: z.object({ created: z.boolean() }) });
      const mutation =
        'mutation ($file: Upload!, $metadata: JSON) { uploadImage(file: $file, metadata: $metadata) { created } }';
      const { data } = await client.upload(schema, mutation, { metadata }, { bytes, filename });
      return data.uploadImage;
    },

    search: async ({ bytes, filename, ...search }) => {
      const { parameters, args, fields, variables } = searchDocument(search);
      const query = `query ($file: Upload!, ${parameters}) { searchByUpload(file: $file, ${args}) { ${fields} } }`;
      const schema = z.object({ searchByUpload: hitsSchema });
      const answer = await client.upload(schema, query, variables, { bytes, filename }).catch(explainOlder(search));
      return answerOf(answer, answer.data.searchByUpload, search);
    },

    similar: async ({ imageId, ...search }) => {
      const { parameters, args, fields, variables } = searchDocument(search);
      const query = `query ($imageId: ID!, ${parameters}) { similarImages(imageId: $imageId, ${args}) { ${fields} } }`;
      const schema = z.object({ similarImages: hitsSchema });
      const answer = await client.query(schema, query, { ...variables, imageId }).catch(explainOlder(search));
      return answerOf(answer, answer.data.similarImages, search);
    },

    findImage: async (id) => {
      const image = await findImage(id);
      return image === undefined ? undefined : imageSchema.parse(image);
    },

    readThumbnail: async (id) => {
      const image = await findImage(id, 'thumbnailUrl');
      return image?.thumbnailUrl === undefined ? undefined : client.readBytes(image.thumbnailUrl);
    },

    stats: async () => {
      const schema = z.object({ status: statusSchema });
      const { data } = await client.query(schema, '{ status { imageCount activeSpace model dimensions store } }', {});
      return { ...data.status, sizeBytes: undefined };
    },

    methods: async () => {
      const { data } = await client.query(methodsSchema, methodsQuery, {}).catch((error: unknown) => {
        if (!isInvalidDocument(error)) throw error;
        throw new SemblanceError(
          'BAD_USER_INPUT',
          'This server is older than the command and lists no methods: update it.',
          { cause: error },
        );
      });
      return data.methods;
    },

    close: () => Promise.resolve(),
  };
}

/** Types of the arguments of both searches. */
const argumentTypes = {
  k: 'Int!',
  minSimilarity: 'Float',
  space: 'String',
  rerank: 'Rerank',
  candidates: 'Int',
  region: 'RegionInput',
  searchRegions: 'Boolean',
} as const satisfies Record<keyof GallerySearch, string>;

/** What servers of the first release know: nothing else is asked for unless it is used. */
const firstArguments: ReadonlySet<string> = new Set(['k', 'minSimilarity']);

/** The parts of a search's GraphQL that follow from what is searched for. */
function searchDocument(search: GallerySearch): {
  readonly parameters: string;
  readonly args: string;
  readonly fields: string;
  readonly variables: Readonly<Record<string, unknown>>;
} {
  const used = usedArguments(search);
  return {
    parameters: used.map((name) => `$${name}: ${argumentTypes[name]}`).join(', '),
    args: used.map((name) => `${name}: $${name}`).join(', '),
    fields: [
      hitFields,
      ...(search.rerank === undefined ? [] : ['score']),
      ...(search.searchRegions === true ? ['region { x y width height }'] : []),
    ].join(' '),
    variables: Object.fromEntries(used.map((name) => [name, search[name]])),
  };
}

function usedArguments(search: GallerySearch): readonly (keyof GallerySearch)[] {
  const names = Object.keys(argumentTypes) as (keyof GallerySearch)[];
  return names.filter((name) => search[name] !== undefined);
}

/** A server of before an argument refuses the whole document; its own words name GraphQL, not options. */
function explainOlder(search: GallerySearch): (error: unknown) => never {
  return (error) => {
    const lacking = usedArguments(search).filter((name) => !firstArguments.has(name));
    if (!isInvalidDocument(error) || lacking.length === 0) throw error;
    throw new SemblanceError(
      'BAD_USER_INPUT',
      lacking.length === 1
        ? `This server is older than the command and does not know ${lacking.map(optionOf).join()}: update it, or leave the option out.`
        : `This server is older than the command and does not know all of ${lacking.map(optionOf).join(', ')}: update it, or leave them out.`,
      { cause: error },
    );
  };
}

function optionOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function answerOf(
  answer: GraphqlAnswer<unknown>,
  hits: z.infer<typeof hitsSchema>,
  { rerank }: GallerySearch,
): GalleryAnswer {
  return { ...searchSchema.parse(answer.search), rerank, hits };
}
