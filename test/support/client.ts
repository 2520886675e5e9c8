import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface GraphqlAnswer<T> {
  readonly data?: T | null;
  readonly errors?: readonly GraphqlError[];
  readonly extensions?: { readonly semblance?: SearchExtension };
}

export interface SearchExtension {
  readonly space: string;
  readonly mode: 'hnsw' | 'exact';
  readonly embedMs: number;
  readonly databaseMs: number;
  readonly rerankMs: number;
}

export interface ImageNode {
  readonly id: string;
  readonly filename: string;
  readonly mediaType: string;
  readonly width: number;
  readonly height: number;
  readonly byteSize: number;
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  readonly url: string;
  readonly renditionUrl: string;
  readonly thumbnailUrl: string;
}

export interface Hit {
  readonly rank: number;
  readonly similarity: number;
  readonly image: ImageNode;
}

export const imageFields =
  'id filename mediaType width height byteSize sha256 metadata createdAt url renditionUrl thumbnailUrl';
export const hitFields = `rank similarity image { ${imageFields} }`;

/** One part of a multipart body. `disposition` overrides what `name` and `filename` would give. */
export interface Part {
  readonly name: string;
  readonly body: Buffer | string;
  readonly filename?: string;
  readonly contentType?: string;
  readonly disposition?: Buffer | string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Variables = Readonly<Record<string, unknown>>;
export type Headers = Readonly<Record<string, string>>;

export const preflight: Headers = { 'Apollo-Require-Preflight': 'true' };

/** Speaks HTTP to a server, and nothing else. */
export class TestClient {
  constructor(readonly url: string) {}

  async graphql<T>(query: string, variables: Variables = {}, headers: Headers = {}): Promise<GraphqlAnswer<T>> {
    const response = await fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphqlAnswer<T>;
  }

  /** The data of an answer without errors. */
  async data<T>(query: string, variables: Variables = {}): Promise<T> {
    return dataOf(await this.graphql<T>(query, variables));
  }

  /** The code of the only error. */
  async code(query: string, variables: Variables = {}): Promise<unknown> {
    return codeOf(await this.graphql(query, variables));
  }

  /** A GraphQL multipart request; `files` by the path of their variable. */
  async multipart<T>(
    query: string,
    variables: Variables,
    files: Readonly<Record<string, { readonly bytes: Buffer; readonly filename: string }>>,
    headers: Headers = preflight,
  ): Promise<GraphqlAnswer<T>> {
    const entries = Object.entries(files);
    const answer = await this.raw(
      multipartBody([
        { name: 'operations', body: JSON.stringify({ query, variables }) },
        { name: 'map', body: JSON.stringify(Object.fromEntries(entries.map(([path], index) => [index, [path]]))) },
        ...entries.map(([, { bytes, filename }], index) => ({ name: String(index), body: bytes, filename })),
      ]),
      headers,
    );
    return JSON.parse(answer.body.toString()) as GraphqlAnswer<T>;
  }

  /** POSTs a multipart body as it stands. */
  raw(body: Buffer, headers: Headers = preflight): Promise<RawAnswer> {
    return this.ask('POST', '/graphql', { 'content-type': multipartType, ...headers }, body);
  }

  /** A request whose every header is ours, Host as well; settles even where the server answers before it has read all. */
  ask(method: string, path: string, headers: Headers = {}, body?: Buffer | string): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(this.url + path, { method, agent: false, headers });
      let answered = false;
      request.on('response', (response) => {
        answered = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      // A server that refuses early closes while the rest is still being written.
      request.on('error', (error) => {
        if (!answered) reject(error);
      });
      request.end(body);
    });
  }

  uploadAnswer(
    bytes: Buffer,
    filename = 'picture.jpg',
    metadata?: unknown,
  ): Promise<GraphqlAnswer<{ readonly uploadImage: UploadPayload }>> {
    const query = `mutation ($file: Upload!, $metadata: JSON) {
      uploadImage(file: $file, metadata: $metadata) { created image { ${imageFields} } }
    }`;
    return this.multipart(query, { file: null, metadata }, { 'variables.file': { bytes, filename } });
  }

  async upload(bytes: Buffer, filename?: string, metadata?: unknown): Promise<UploadPayload> {
    return dataOf(await this.uploadAnswer(bytes, filename, metadata)).uploadImage;
  }

  searchAnswer(
    bytes: Buffer,
    variables: Variables = {},
    filename = 'query.jpg',
  ): Promise<GraphqlAnswer<{ readonly searchByUpload: readonly Hit[] }>> {
    const query = `query ($file: Upload!, $k: Int! = 10, $minSimilarity: Float, $filter: ImageFilter) {
      searchByUpload(file: $file, k: $k, minSimilarity: $minSimilarity, filter: $filter) { ${hitFields} }
    }`;
    return this.multipart(query, { file: null, ...variables }, { 'variables.file': { bytes, filename } });
  }

  async search(bytes: Buffer, variables?: Variables): Promise<readonly Hit[]> {
    return dataOf(await this.searchAnswer(bytes, variables)).searchByUpload;
  }

  similarAnswer(
    imageId: string,
    variables: Variables = {},
  ): Promise<GraphqlAnswer<{ readonly similarImages: readonly Hit[] }>> {
    const query = `query ($imageId: ID!, $k: Int! = 10, $minSimilarity: Float, $filter: ImageFilter) {
      similarImages(imageId: $imageId, k: $k, minSimilarity: $minSimilarity, filter: $filter) { ${hitFields} }
    }`;
    return this.graphql(query, { imageId, ...variables });
  }

  async similar(imageId: string, variables?: Variables): Promise<readonly Hit[]> {
    return dataOf(await this.similarAnswer(imageId, variables)).similarImages;
  }

  async totalCount(): Promise<number> {
    const { images } = await this.data<{ images: { totalCount: number } }>('{ images(first: 1) { totalCount } }');
    return images.totalCount;
  }

  /** Every stored image, newest first. */
  async allImages(): Promise<readonly ImageNode[]> {
    const found: ImageNode[] = [];
    for (let after: string | null = null; ;) {
      const { images }: { readonly images: Connection } = await this.data(
        `query ($after: String) { images(first: 100, after: $after) {
          edges { node { ${imageFields} } } pageInfo { hasNextPage endCursor } } }`,
        { after },
      );
      found.push(...images.edges.map(({ node }) => node));
      if (!images.pageInfo.hasNextPage) return found;
      after = images.pageInfo.endCursor;
    }
  }

  async get(path: string, init?: RequestInit): Promise<RawGet> {
    const response = await fetch(this.url + path, init);
    return {
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    };
  }
}

interface RawGet {
  readonly status: number;
  readonly headers: globalThis.Headers;
  readonly body: Buffer;
}

interface Connection {
  readonly edges: readonly { readonly node: ImageNode }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

export interface UploadPayload {
  readonly created: boolean;
  readonly image: ImageNode;
}

export function dataOf<T>(answer: GraphqlAnswer<T>): T {
  if (answer.errors !== undefined || answer.data === undefined || answer.data === null) {
    throw new Error(`The answer has errors: ${JSON.stringify(answer.errors)}`);
  }
  return answer.data;
}

export function codeOf(answer: GraphqlAnswer<unknown>): unknown {
  return onlyError(answer).extensions?.['code'];
}

export function onlyError(answer: GraphqlAnswer<unknown>): GraphqlError {
  const [error, ...others] = answer.errors ?? [];
  if (error === undefined || others.length > 0) throw new Error(`Not one error: ${JSON.stringify(answer)}`);
  return error;
}

export function answerOf(raw: RawAnswer): GraphqlAnswer<Record<string, unknown>> {
  return JSON.parse(raw.body.toString()) as GraphqlAnswer<Record<string, unknown>>;
}

const boundary = 'semblance-test-boundary';
export const multipartType = `multipart/form-data; boundary=${boundary}`;

/** Written by hand, for libraries mend what a hostile client would send. Its content type is `multipartType`. */
export function multipartBody(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(({ name, body, filename, contentType, disposition }) => {
    const type = contentType ?? (filename === undefined ? undefined : 'application/octet-stream');
    return [
      `--${boundary}\r\nContent-Disposition: `,
      disposition ??
        `form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename.replace(/["\\]/g, '\\$&')}"`}`,
      type === undefined ? '\r\n\r\n' : `\r\nContent-Type: ${type}\r\n\r\n`,
      body,
      '\r\n',
    ];
  });
  return Buffer.concat(
    [...pieces, `--${boundary}--\r\n`].map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)),
  );
}
