import { ServerError } from '@apollo/client/errors';
import { fetchWithAccess } from './fetch-with-access.js';

/**
 * What lies at a path of the server that takes credentials.
 * @throws what `describeError` describes
 */
export async function fetchBytes(path: string): Promise<Blob> {
  const response = await fetchWithAccess(path);
  if (response.ok) return response.blob();
  throw new ServerError(`The server answered ${response.status}`, { response, bodyText: await response.text() });
}
