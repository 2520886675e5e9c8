/** apollo-upload-client 19 ships its types as JSDoc only. */
declare module 'apollo-upload-client/UploadHttpLink.mjs' {
  import type { ApolloLink } from '@apollo/client';

  const UploadHttpLink: new (options: {
    readonly uri: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly fetch?: typeof fetch;
  }) => ApolloLink;
  export default UploadHttpLink;
}
