import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Gate } from './gate.js';
import {
  AnswerReader,
  ClientReader,
  queryMessage,
  syncMessage,
  type ClientRequest,
  type TransactionStatus,
} from './wire.js';

/** The one Postgres backend. `execute` runs whole messages; it is never called before the last call has resolved. */
export interface Backend {
  /** What Postgres says to a client that has connected, up to and including ReadyForQuery. */
  readonly greeting: Uint8Array;
  /** `onAnswer` gets views that hold only until it returns. Rejects only when the backend is lost. */
  execute(messages: Uint8Array, onAnswer: (bytes: Uint8Array) => void): Promise<void>;
}

export interface SocketServerOptions {
  readonly backend: Backend;
  readonly gate: Gate<object>;
  /** A connection that leaves its transaction idle for so long is closed: it would keep everybody else out for ever. */
  readonly idleInTransactionTimeoutMs: number;
  /** After each request: its size, and the rows that it changed. */
  readonly onRequest: (request: { readonly bytes: number; readonly changes: number }) => void;
  /** The backend is lost, and with it every connection. */
  readonly onBackendLost: (error: unknown) => void;
}

/**
 * Postgres's wire protocol over a socket, for many connections to one backend. A connection waits at the gate for its
 * turn and keeps it until Postgres reports that it is idle; one that goes away inside a transaction is rolled back.
 */
export class SocketServer {
  readonly #server: Server;
  readonly #connections = new Map<Connection, Promise<void>>();

  constructor(options: SocketServerOptions) {
    const answers = new AnswerReader();
    this.#server = createServer({ noDelay: true }, (socket) => {
      const connection = new Connection(socket, answers, options);
      const served = connection.serve().finally(() => this.#connections.delete(connection));
      this.#connections.set(connection, served);
    });
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Lets the request under way finish, then closes every connection. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const connection of this.#connections.keys()) connection.destroy();
    await Promise.all(this.#connections.values());
    await closed;
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #answers: AnswerReader;
  readonly #options: SocketServerOptions;
  readonly #reader = new ClientReader();
  /** Of this connection's last request; undefined after a Flush, when Sync is still to come. */
  #status: TransactionStatus | undefined = 'I';

  constructor(socket: Socket, answers: AnswerReader, options: SocketServerOptions) {
    this.#socket = socket;
    this.#answers = answers;
    this.#options = options;
    socket.on('timeout', () => socket.destroy());
    socket.on('close', () => {
      options.gate.withdraw(this);
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Never rejects. Reading stops while a request is worked on, so a client cannot pile up requests in memory. */
  async serve(): Promise<void> {
    try {
      for await (const chunk of this.#socket) {
        for (const request of this.#reader.push(chunk as Buffer)) {
          if (!(await this.#answer(request))) return;
        }
      }
    } catch {
      // A reset connection or a client that speaks another protocol: in both cases nobody is left to tell.
    } finally {
      this.#socket.destroy();
      await this.#abandon();
    }
  }

  /** False where the connection ends. */
  async #answer(request: ClientRequest): Promise<boolean> {
    switch (request.kind) {
      case 'encryption':
        await this.#write(Buffer.from('N'));
        return true;
      case 'startup':
        await this.#write(this.#options.backend.greeting);
        return true;
      case 'messages':
        return this.#run(request.bytes);
      case 'cancel': // The backend cannot be interrupted.
      case 'terminate':
        return false;
    }
  }

  async #run(messages: Uint8Array): Promise<boolean> {
    if (!(await this.#options.gate.enter(this))) return false;
    this.#socket.setTimeout(0);
    await this.#execute(messages, (bytes) => {
      // A copy, for the view ends with this call.
      if (!this.#socket.destroyed) this.#socket.write(Buffer.from(bytes));
    });
    if (this.#status === 'I') this.#options.gate.leave(this);
    else this.#socket.setTimeout(this.#options.idleInTransactionTimeoutMs);
    await this.#drain();
    return true;
  }

  async #execute(messages: Uint8Array, onAnswer: (bytes: Uint8Array) => void): Promise<void> {
    try {
      await this.#options.backend.execute(messages, (bytes) => {
        this.#answers.push(bytes);
        onAnswer(bytes);
      });
    } catch (error) {
      this.#options.onBackendLost(error);
      throw error;
    }
    this.#status = this.#answers.takeStatus();
    this.#options.onRequest({ bytes: messages.length, changes: this.#answers.takeChanges() });
  }

  /** Leaves the backend as the next connection expects it: in sync, and outside of any transaction. */
  async #abandon(): Promise<void> {
    const { gate } = this.#options;
    gate.withdraw(this);
    if (gate.holder !== this) return;
    try {
      const ignore = (): void => undefined;
      if (this.#status === undefined) await this.#execute(syncMessage, ignore);
      if (this.#status !== 'I') await this.#execute(queryMessage('ROLLBACK'), ignore);
      gate.leave(this);
    } catch {
      // The backend is lost, as onBackendLost was told. The gate stays shut.
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#socket.write(bytes);
    await this.#drain();
  }

  /** Until the client has read, or has gone. */
  async #drain(): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.on('drain', done).on('close', done);
    });
  }
}
