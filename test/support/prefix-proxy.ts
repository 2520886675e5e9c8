import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PrefixProxy {
  /** With the prefix, without a slash at its end. */
  readonly url: string;
  /** What was asked for outside of the prefix, and answered 404. */
  readonly strayed: readonly string[];
  close(): Promise<void>;
}

/** Serves a server under a path, as nginx does: `strips` is `location /vision/ { proxy_pass http://server/; }`. */
export async function openPrefixProxy(
  serverUrl: string,
  prefix: string,
  { strips }: { readonly strips: boolean },
): Promise<PrefixProxy> {
  const strayed: string[] = [];
  const proxy = createServer((request, response) => {
    const { url = '', method, headers } = request;
    if (!url.startsWith(`${prefix}/`)) {
      strayed.push(url);
      response.writeHead(404).end();
      return;
    }
    const path = strips ? url.slice(prefix.length) : url;
    const forwarded = ask(serverUrl + path, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`,
    strayed,
    close: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
