import { z } from 'zod';
import type { Gallery, GalleryAnswer } from './gallery.js';
import { GraphqlClient, type GraphqlAnswer } from './graphql-client.js';

const imageSchema = z.object({ id: z.string(), filename: z.string(), metadata: z.record(z.string(), z.unknown()) });
const hitsSchema = z.array(z.object({ similarity: z.number(), image: imageSchema }));
const searchSchema = z.object({ space: z.string(), mode: z.enum(['hnsw', 'exact']) });
const statusSchema = z.object({
  imageCount: z.number(),
  activeSpace: z.string(),
  model: z.string(),
  dimensions: z.number(),
  store: z
    .enum(['EMBEDDED', 'MEMORY', 'SERVER'])
    .transform((name) => name.toLowerCase() as 'embedded' | 'memory' | 'server'),
});

const imageFields = 'id filename metadata';
const hitFields = `similarity image { ${imageFields} }`;

/** The gallery of a server, over the GraphQL that anybody uses. */
export function openRemoteGallery(server: URL): Gallery {
  const client = new GraphqlClient(server);

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

    search: async ({ bytes, filename, k, minSimilarity }) => {
      const query = `query ($file: Upload!, $k: Int!, $minSimilarity: Float) { searchByUpload(file: $file, k: $k, minSimilarity: $minSimilarity) { ${hitFields} } }`;
      const schema = z.object({ searchByUpload: hitsSchema });
      const answer = await client.upload(schema, query, { k, minSimilarity }, { bytes, filename });
      return answerOf(answer, answer.data.searchByUpload);
    },

    similar: async ({ imageId, k, minSimilarity }) => {
      const query = `query ($imageId: ID!, $k: Int!, $minSimilarity: Float) { similarImages(imageId: $imageId, k: $k, minSimilarity: $minSimilarity) { ${hitFields} } }`;
      const schema = z.object({ similarImages: hitsSchema });
      const answer = await client.query(schema, query, { imageId, k, minSimilarity });
      return answerOf(answer, answer.data.similarImages);
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

    close: () => Promise.resolve(),
  };
}

function answerOf(answer: GraphqlAnswer<unknown>, hits: z.infer<typeof hitsSchema>): GalleryAnswer {
  return { ...searchSchema.parse(answer.search), hits };
}
