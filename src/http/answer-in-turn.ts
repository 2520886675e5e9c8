import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { maxPipelinedRequests } from '../base/limits.js';

interface Connection {
  isBusy: boolean;
  /** Behind the request in work. */
  readonly waiting: (readonly [request: IncomingMessage, response: ServerResponse])[];
}

/**
 * Hands the requests of a connection to the app one after another: the next once the answer before it was taken by the operating
 * system. A client that sends many at once (HTTP pipelining) and reads no answer has one of them in work, whatever it sends, and
 * nothing is read from its connection while a request waits. One read may bring thousands of small requests, each of which takes
 * memory: a connection with more than `maxPipelinedRequests` that wait is closed (RFC 9112, section 9.3.2, lets a server do so).
 */
export function answerInTurn(app: RequestListener): RequestListener {
  const connections = new WeakMap<Socket, Connection>();

  const open = (socket: Socket): Connection => {
    const connection: Connection = { isBusy: false, waiting: [] };
    connections.set(socket, connection);
    // Node resumes it whenever a request wants more of its body, or has ended without reading it.
    socket.on('resume', () => {
      if (connection.waiting.length > 0) socket.pause();
    });
    return connection;
  };

  const begin = (connection: Connection, request: IncomingMessage, response: ServerResponse): void => {
    const { waiting } = connection;
    connection.isBusy = true;
    response.once('close', () => {
      // Others get their turn of the event loop between two answers of one connection.
      setImmediate(() => {
        connection.isBusy = false;
        const next = waiting.shift();
        if (next === undefined) return;
        if (waiting.length === 0) request.socket.resume();
        if (canAnswer(next[1])) begin(connection, ...next);
        else waiting.length = 0;
      });
    });
    app(request, response);
  };

  return (request, response) => {
    const { socket } = request;
    const connection = connections.get(socket) ?? open(socket);
    if (!connection.isBusy) {
      if (canAnswer(response)) begin(connection, request, response);
      return;
    }
    connection.waiting.push([request, response]);
    if (connection.waiting.length <= maxPipelinedRequests) socket.pause();
    else {
      connection.waiting.length = 0;
      socket.destroy();
    }
  };
}

/** Not behind an answer that ends the connection, Node's own 400 for one, nor once the client has gone: its `close` would never come. */
function canAnswer(response: ServerResponse): boolean {
  return response.socket !== null;
}
