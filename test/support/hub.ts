import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file as the hub has it; what it states of it may be a lie. */
export interface HubTestFile {
  readonly bytes: Buffer;
  readonly statedSha256?: string | undefined;
  readonly statedBytes?: number | undefined;
}

export interface SeenRequest {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** What is done with a request instead of answering it well. */
export type Misbehaviour =
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Nothing comes after so many bytes of the body. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** A whole answer that ends after so many bytes of what was asked for, and says so. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  | { readonly kind: 'ignoreRange' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    };

/**
 * The Hugging Face hub on loopback: `/<repo>/resolve/<revision>/<path>` states size and SHA-256 and redirects to a second
 * server, which has the bytes and knows ranges.
 */
export class TestHub {
  readonly requests: SeenRequest[] = [];
  /** For the next requests, in order, one each; then all is well. */
  readonly misbehaviours: { hub: Misbehaviour[]; cdn: Misbehaviour[] } = { hub: [], cdn: [] };
  /** Bytes of bodies that were handed to the connections. */
  sentBytes = 0;
  token: string | undefined;
  /** Repositories that have another name now. */
  readonly renamed = new Map<string, string>();
  readonly #hub: Server;
  readonly #cdn: Server;

  constructor(readonly files: Map<string, HubTestFile>) {
    this.#hub = createServer((request, response) => {
      this.#log('hub', request);
      this.#answerHub(request, response);
    });
    this.#cdn = createServer((request, response) => {
      this.#log('cdn', request);
      this.#answerCdn(request, response);
    });
  }

  async listen(): Promise<this> {
    for (const server of [this.#hub, this.#cdn]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return this;
  }

  get url(): string {
    return urlOf(this.#hub);
  }

  get cdnUrl(): string {
    return urlOf(this.#cdn);
  }

  ranges(): readonly (string | undefined)[] {
    return this.requests.filter(({ server }) => server === 'cdn').map(({ range }) => range);
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }
  }

  #log(server: 'hub' | 'cdn', { method = '', url = '', headers }: IncomingMessage): void {
    this.requests.push({ server, method, path: url, authorization: headers.authorization, range: headers.range });
  }

  #answerHub(request: IncomingMessage, response: ServerResponse): void {
    const misbehaviour = this.misbehaviours.hub.shift();
    if (misbehaviour?.kind === 'status') {
      response.writeHead(misbehaviour.status, misbehaviour.headers).end(misbehaviour.body);
      return;
    }
    if (misbehaviour?.kind === 'stall') return;
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401, { 'x-error-message': 'Invalid credentials in Authorization header' }).end();
      return;
    }
    const match = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url ?? '');
    const [repo = '', revision = '', path = ''] = (match ?? []).slice(1);
    const newName = this.renamed.get(repo);
    if (newName !== undefined) {
      response.writeHead(307, { location: `/${newName}/resolve/${revision}/${path}` }).end();
      return;
    }
    const file = this.files.get(`${repo}/${path}`);
    if (file === undefined) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound', 'x-error-message': 'Entry not found' }).end();
      return;
    }
    if (path.endsWith('.json')) {
      // Git keeps small files itself: no checksum, and no redirect.
      response.writeHead(200, { 'content-length': file.bytes.length, etag: '"a-git-blob"' }).end(file.bytes);
      return;
    }
    response
      .writeHead(302, {
        location: `${this.cdnUrl}/${repo}/${path}?signature=1`,
        'x-linked-size': String(file.statedBytes ?? file.bytes.length),
        'x-linked-etag': `"${file.statedSha256 ?? sha256(file.bytes)}"`,
        'x-repo-commit': 'c0ffee'.padEnd(40, '0'),
        etag: '"an-etag-of-its-own"',
      })
      .end();
  }

  #answerCdn(request: IncomingMessage, response: ServerResponse): void {
    const misbehaviour = this.misbehaviours.cdn.shift();
    if (misbehaviour?.kind === 'status') {
      response.writeHead(misbehaviour.status, misbehaviour.headers).end(misbehaviour.body);
      return;
    }
    const { bytes } = this.files.get(new URL(request.url ?? '', 'http://cdn').pathname.slice(1)) ?? {
      bytes: Buffer.of(),
    };
    const start =
      misbehaviour?.kind === 'ignoreRange' ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start > 0 && start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const whole = bytes.subarray(start);
    const body = misbehaviour?.kind === 'truncate' ? whole.subarray(0, misbehaviour.afterBytes) : whole;
    const range =
      start === 0 ? {} : { 'content-range': `bytes ${start}-${start + body.length - 1}/${start + body.length}` };
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': body.length, 'accept-ranges': 'bytes', ...range });
    if (misbehaviour?.kind !== 'cut' && misbehaviour?.kind !== 'stall') {
      this.sentBytes += body.length;
      response.end(body);
      return;
    }
    this.sentBytes += misbehaviour.afterBytes;
    response.write(body.subarray(0, misbehaviour.afterBytes), () => {
      if (misbehaviour.kind === 'cut') request.socket.destroy();
    });
  }
}

/** preprocessor_config.json as transformers' image processors write it. */
export function preprocessorConfig(
  kind: 'dinov2' | 'clip' | 'dinov3',
  changed: Readonly<Record<string, unknown>> = {},
): HubTestFile {
  const imagenet = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] };
  const cropped = { do_center_crop: true, crop_size: { height: 224, width: 224 }, resample: 3 };
  const kinds = {
    dinov2: { ...cropped, size: { shortest_edge: 256 }, ...imagenet },
    clip: {
      ...cropped,
      size: { shortest_edge: 224 },
      image_mean: [0.48145466, 0.4578275, 0.40821073],
      image_std: [0.26862954, 0.26130258, 0.27577711],
    },
    dinov3: { do_center_crop: null, crop_size: null, resample: 2, size: { height: 224, width: 224 }, ...imagenet },
  };
  const common = { do_resize: true, do_rescale: true, do_normalize: true, rescale_factor: 0.00392156862745098 };
  return { bytes: Buffer.from(JSON.stringify({ ...common, ...kinds[kind], ...changed })) };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
