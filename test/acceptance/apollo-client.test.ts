import { ApolloClient, CombinedGraphQLErrors, gql, InMemoryCache, type TypedDocumentNode } from '@apollo/client/core';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hitFields, imageFields, type Hit, type UploadPayload } from '../support/client.js';
import { makeJpeg } from '../support/make-image.js';
import { cleanUp, startServer, testStores, type TestServer } from '../support/server.js';

afterAll(cleanUp);

/** A client that no one here wrote. */
describe.each(testStores)('apollo-upload-client with Apollo Client ($name)', (store) => {
  let server: TestServer;
  let apollo: ApolloClient;

  beforeAll(async () => {
    server = await startServer({ store });
    apollo = new ApolloClient({
      link: new UploadHttpLink({ uri: `${server.url}/graphql`, headers: { 'Apollo-Require-Preflight': 'true' } }),
      cache: new InMemoryCache(),
    });
  });
  afterAll(() => server.stop());

  const fileOf = async (seed: number, name = `${seed}.jpg`) =>
    new File([new Uint8Array(await makeJpeg(seed))], name, { type: 'image/jpeg' });
  const uploadOne: TypedDocumentNode<{ uploadImage: UploadPayload }> = gql`
    mutation Upload($file: Upload!, $metadata: JSON) {
      uploadImage(file: $file, metadata: $metadata) { created image { ${imageFields} } }
    }
  `;
  const uploadSeveral: TypedDocumentNode<{ uploadImages: readonly { created: boolean }[] }> = gql`
    mutation Several($files: [Upload!]!) {
      uploadImages(files: $files) {
        created
        error {
          code
        }
      }
    }
  `;
  const search: TypedDocumentNode<{ searchByUpload: readonly Hit[] }> = gql`
    query Search($file: Upload!) { searchByUpload(file: $file, k: 2) { ${hitFields} } }
  `;
  const findSimilar: TypedDocumentNode<{ similarImages: readonly Hit[] }> = gql`
    query Similar($id: ID!) { similarImages(imageId: $id) { ${hitFields} } }
  `;

  it('uploads, lists and searches', async () => {
    const uploaded = await apollo.mutate({
      mutation: uploadOne,
      variables: { file: await fileOf(1, 'ünï 🏖.jpg'), metadata: { by: 'apollo' } },
    });
    const image = uploaded.data?.uploadImage.image;
    expect(image).toMatchObject({ filename: 'ünï 🏖.jpg', metadata: { by: 'apollo' }, width: 96, height: 72 });

    const several = await apollo.mutate({
      mutation: uploadSeveral,
      variables: { files: [await fileOf(2), await fileOf(3), await fileOf(1)] },
    });
    expect(several.data?.uploadImages.map(({ created }) => created)).toEqual([true, true, false]);

    const searched = await apollo.query({
      query: search,
      variables: { file: await fileOf(1) },
      fetchPolicy: 'no-cache',
    });
    expect(searched.data?.searchByUpload[0]).toMatchObject({ rank: 1, image: { id: image?.id } });
    expect(searched.data?.searchByUpload).toHaveLength(2);

    const similar = await apollo.query({ query: findSimilar, variables: { id: image?.id } });
    expect(similar.data?.similarImages).toHaveLength(2);
  });

  it('is told what is wrong with a file', async () => {
    const broken = new File(['no picture'], 'broken.jpg', { type: 'image/jpeg' });
    const failure: unknown = await apollo.mutate({ mutation: uploadOne, variables: { file: broken } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(CombinedGraphQLErrors.is(failure)).toBe(true);
    expect((failure as CombinedGraphQLErrors).errors[0]?.extensions?.['code']).toBe('UNSUPPORTED_MEDIA_TYPE');
  });
});
