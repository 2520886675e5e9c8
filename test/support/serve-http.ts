import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

export interface ServedHttp {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Serves a handler on a free loopback port. */
export async function serveHttp(app: RequestListener): Promise<ServedHttp> {
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sends bytes as they are and answers all that comes back; for requests that fetch refuses to make. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(text);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

/**
 * Sends the head of a request and nothing of the body that it announces; answers what comes back once that is a whole answer. A server
 * that reads the body first never answers.
 */
export async function sendHead(port: number, head: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    const [, length, body] = /\r\nContent-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n([^]*)$/i.exec(answer) ?? [];
    if (length !== undefined && body?.length === Number(length)) socket.destroy();
  });
  socket.write(head);
  await once(socket, 'close');
  return answer;
}
