/** One file of a GraphQL multipart request. */
export interface MultipartFile {
  /** Path of its variable, as in variables.file. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly filename: string;
}

/** A body as the GraphQL multipart request specification wants it. */
export function multipartBody(
  query: string,
  variables: Record<string, unknown>,
  files: readonly MultipartFile[],
): FormData {
  const body = new FormData();
  body.append('operations', JSON.stringify({ query, variables }));
  body.append('map', JSON.stringify(Object.fromEntries(files.map(({ path }, index) => [String(index), [path]]))));
  files.forEach(({ bytes, filename }, index) => {
    body.append(String(index), new Blob([Uint8Array.from(bytes)]), filename);
  });
  return body;
}

export const preflight = { 'Apollo-Require-Preflight': 'true' };
