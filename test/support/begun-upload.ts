import { request, type ClientRequest } from 'node:http';
import { multipartType, preflight } from './client.js';

/** Sends `part` (0 to 1) of the bytes of an upload, and keeps the connection. */
export function beginUpload(url: string, bytes: Buffer, part: number): ClientRequest {
  const query = 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }';
  const boundary = multipartType.replace(/^.*boundary=/, '');
  const head = [
    ['name="operations"', JSON.stringify({ query, variables: { file: null } })],
    ['name="map"', '{"0":["variables.file"]}'],
    ['name="0"; filename="a.png"', ''],
  ].map(([name, text]) => `--${boundary}\r\nContent-Disposition: form-data; ${name}\r\n\r\n${text}`);
  const sending = request(`${url}/graphql`, {
    method: 'POST',
    headers: { ...preflight, 'content-type': multipartType, 'content-length': bytes.byteLength + 10_000 },
  });
  sending.on('error', () => undefined);
  sending.write(head.join('\r\n'));
  sending.write(bytes.subarray(0, Math.round(bytes.byteLength * part)));
  return sending;
}
