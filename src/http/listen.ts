import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError, messageOf } from '../base/errors.js';
import { headersTimeoutMs, idleTimeoutMs, requestTimeoutMs, shutdownTimeoutMs } from '../base/limits.js';
import { answerInTurn } from './answer-in-turn.js';

export interface ListenOptions {
  readonly app: RequestListener;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Those of limits.ts unless given. */
  readonly timeouts?: Partial<ClientTimeouts>;
}

/** What a client may take before its connection is closed, whatever it still sends. */
export interface ClientTimeouts {
  /** From a request's first byte to the last of its headers; at most `requestMs`. */
  readonly headersMs: number;
  /** From a request's first byte to the last of its body. */
  readonly requestMs: number;
  /** With nothing moving on the connection. */
  readonly idleMs: number;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Such as http://127.0.0.1:4000, without a slash at its end. */
  readonly url: string;
  /**
   * Takes no new connection, lets the requests in work finish, and cuts off those that still run after `timeoutMs`
   * (default `shutdownTimeoutMs`). Resolves once every connection is closed.
   */
  close(timeoutMs?: number): Promise<void>;
}

/** Connections that fall idle during a shutdown are looked for this often. */
const idleCheckMs = 50;

/** Requests that take too long are looked for this often: Node's own 30 s would let each last as much longer. */
const timeoutCheckMs = 1_000;

const defaultTimeouts: ClientTimeouts = {
  headersMs: headersTimeoutMs,
  requestMs: requestTimeoutMs,
  idleMs: idleTimeoutMs,
};

/** @throws ConfigurationError where the address is taken or not this machine's */
export async function listen({ app, host, port, timeouts }: ListenOptions): Promise<Listening> {
  const { headersMs, requestMs, idleMs } = { ...defaultTimeouts, ...timeouts };
  const server = createServer(
    { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: timeoutCheckMs },
    answerInTurn(app),
  );
  server.timeout = idleMs;
  server.on('checkContinue', (request, response) => {
    continueOnceRead(request, response);
    server.emit('request', request, response);
  });
  // Node would answer 417 by itself, in front of answers that answerInTurn knows of. An expectation may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
  await new Promise<void>((resolve, reject) => {
    // For good: an error after the start, such as too many open files, must not end the process.
    server.on('error', (error) => {
      reject(new ConfigurationError(describeListenError(error, host, port), { cause: error }));
    });
    server.listen(port, host.replace(/^\[|\]$/g, ''), resolve);
  });
  const actualPort = (server.address() as AddressInfo).port;
  return {
    host,
    port: actualPort,
    url: `http://${reachableHost(host)}:${actualPort}`,
    close: (timeoutMs = shutdownTimeoutMs) =>
      new Promise((resolve) => {
        const idle = setInterval(() => {
          server.closeIdleConnections();
        }, idleCheckMs);
        const deadline = setTimeout(() => {
          server.closeAllConnections();
        }, timeoutMs);
        server.close(() => {
          clearInterval(idle);
          clearTimeout(deadline);
          resolve();
        });
      }),
  };
}

/**
 * A client that sends `Expect: 100-continue` waits to be asked for its body: it is asked once the app reads it, so that whoever is
 * refused before need not send it. That connection is closed, for what comes next on it might be the body (RFC 9110, section 10.1.1).
 */
function continueOnceRead(request: IncomingMessage, response: ServerResponse): void {
  const keepsAlive = response.shouldKeepAlive;
  response.shouldKeepAlive = false;
  request.once('resume', () => {
    if (response.headersSent) return;
    response.shouldKeepAlive = keepsAlive;
    response.writeContinue();
  });
}

/** In a URL, and for a wildcard address one of those that it stands for: none connects to 0.0.0.0 everywhere. */
function reachableHost(host: string): string {
  const address = host.replace(/^\[|\]$/g, '');
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return address.includes(':') ? `[${address}]` : address;
}

function describeListenError(error: Error & { readonly code?: string }, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `PORT=${port} of HOST=${host} is taken: stop the other program, or set PORT to another number.`;
    case 'EACCES':
      return `PORT=${port} is not open to this user: set PORT to a number from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST=${host} is no address of this machine.`;
    default:
      return `HOST=${host} PORT=${port} cannot be listened to: ${messageOf(error)}.`;
  }
}
