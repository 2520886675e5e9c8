import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

interface Link {
  readonly near: Socket;
  /** Undefined where the connection was made while nothing got through. */
  readonly far: Socket | undefined;
  /** Nothing gets through any more, neither bytes nor the end of the connection. */
  isLost: boolean;
}

/** A proxy in front of a database, which a test can cut, swallow, slow and mend as a network would. */
export class TcpProxy {
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #swallows = false;
  #delayMs = 0;
  /** Called with what the client sends, before it is passed on. */
  onSent: ((bytes: Buffer) => void) | undefined;

  constructor(
    readonly targetHost: string,
    readonly targetPort: number,
  ) {}

  get port(): number {
    return this.#port;
  }

  get swallows(): boolean {
    return this.#swallows;
  }

  /** Connections that are open on the client's side. */
  get openConnections(): number {
    return [...this.#links].filter(({ near }) => !near.destroyed).length;
  }

  /** Listens; after `cut` on the same port again. */
  async open(): Promise<this> {
    const server = createServer((near) => {
      this.#accept(near);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Breaks every connection and refuses new ones. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve));
    this.#end((socket) => socket.destroy());
    await closed;
  }

  /** Breaks every connection by RST, as a firewall does; new ones get through. */
  reset(): void {
    this.#end((socket) => socket.resetAndDestroy());
  }

  /**
   * From here on every byte is swallowed, in both directions: nobody hears that a connection has ended, and new ones are accepted
   * and never answered. The connections of that time stay lost after `restore`, as behind a router that forgot them.
   */
  swallow(): void {
    this.#swallows = true;
    for (const link of this.#links) link.isLost = true;
  }

  /** New connections get through again. */
  restore(): void {
    this.#swallows = false;
  }

  /** Holds every piece of data back for so long. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  #accept(near: Socket): void {
    const far = this.#swallows ? undefined : connect(this.targetPort, this.targetHost);
    const link: Link = { near, far, isLost: this.#swallows };
    this.#links.add(link);
    const ended = (other: Socket | undefined): void => {
      if (!link.isLost) other?.destroy();
      if (near.destroyed && (far === undefined || far.destroyed)) this.#links.delete(link);
    };
    near.on('error', () => undefined);
    near.on('close', () => {
      ended(far);
    });
    near.pipe(this.#passing(link, (bytes) => this.onSent?.(bytes))).on('data', (bytes: Buffer) => far?.write(bytes));
    far?.on('error', () => undefined);
    far?.on('close', () => {
      ended(near);
    });
    far?.pipe(this.#passing(link)).on('data', (bytes: Buffer) => near.write(bytes));
  }

  #passing(link: Link, onBytes?: (bytes: Buffer) => void): Transform {
    return new Transform({
      transform: (bytes: Buffer, _encoding, done) => {
        onBytes?.(bytes);
        const pass = (): void => {
          if (link.isLost) done();
          else done(null, bytes);
        };
        if (this.#delayMs === 0) pass();
        else setTimeout(pass, this.#delayMs);
      },
    });
  }

  #end(end: (socket: Socket) => void): void {
    for (const { near, far } of this.#links) {
      end(near);
      if (far !== undefined) end(far);
    }
    this.#links.clear();
  }
}
