import type { Readable } from 'node:stream';
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import type { HubConfig } from '../../base/config.js';
import { ConfigurationError } from '../../base/errors.js';
import { hubStallTimeoutMs, maxHubRedirects } from '../../base/limits.js';
import { packageVersion } from '../../base/paths.js';
import { connectionError, HubError, parseRetryAfter } from './hub-error.js';

export interface HubFile {
  readonly repo: string;
  readonly revision: string;
  readonly path: string;
}

/** What the hub says of a file before it is fetched. */
export interface StatedFile {
  readonly bytes: number;
  /** Lower-case hex. Undefined where the hub keeps the file without Git LFS or Xet, and so states no SHA-256. */
  readonly sha256: string | undefined;
  /** Commit that the revision stands for. */
  readonly commit: string | undefined;
}

export interface HubBody {
  /** Who sends it. */
  readonly host: string;
  readonly stream: Readable;
  /** Where in the file the stream begins: 0 where the hub does not resume. */
  readonly offset: number;
  /** Length of the whole file according to this answer. */
  readonly totalBytes: number | undefined;
}

interface Answer {
  readonly status: number;
  readonly url: URL;
  readonly header: (name: string) => string | undefined;
  readonly body: Dispatcher.ResponseData['body'];
}

const maxQuotedCharacters = 200;
/** The most that a configuration may have; those of image processors have less than 1 kB. */
const maxTextBytes = 65_536;

/**
 * The Hugging Face hub, or a mirror that speaks as it does: `<endpoint>/<repo>/resolve/<revision>/<path>` answers for a
 * large file with its size and SHA-256 (X-Linked-Size, X-Linked-Etag) and a redirect to the host that has the bytes.
 *
 * Redirects are followed here and not by the library: the token goes to the endpoint's origin and nowhere else.
 */
export class Hub {
  readonly #endpoint: string;
  readonly #origin: string;
  readonly #token: string | undefined;
  readonly #dispatcher: Dispatcher;

  /** @throws ConfigurationError if a proxy's address is none */
  constructor({ endpoint, token, proxy }: HubConfig, options: { readonly stallTimeoutMs?: number } = {}) {
    const stallTimeoutMs = options.stallTimeoutMs ?? hubStallTimeoutMs;
    this.#endpoint = endpoint;
    this.#origin = new URL(endpoint).origin;
    this.#token = token;
    const timeouts = {
      headersTimeout: stallTimeoutMs,
      bodyTimeout: stallTimeoutMs,
      connect: { timeout: stallTimeoutMs },
    };
    this.#dispatcher =
      proxy.http === '' && proxy.https === ''
        ? new Agent(timeouts)
        : new EnvHttpProxyAgent({
            ...timeouts,
            httpProxy: checkProxy('HTTP_PROXY', proxy.http),
            httpsProxy: checkProxy('HTTPS_PROXY', proxy.https),
            noProxy: proxy.no,
          });
  }

  /** Address of a file, for people too. */
  urlOf({ repo, revision, path }: HubFile): string {
    const encode = (text: string) => text.split('/').map(encodeURIComponent).join('/');
    return `${this.#endpoint}/${encode(repo)}/resolve/${encodeURIComponent(revision)}/${encode(path)}`;
  }

  /** @throws HubError */
  async describe(file: HubFile, signal?: AbortSignal): Promise<StatedFile> {
    const answer = await this.#follow('HEAD', file, {}, signal, (hop) => hop.header('x-linked-etag') !== undefined);
    await answer.body.dump();
    const size = answer.header('x-linked-size') ?? (isRedirect(answer.status) ? undefined : answer.header('content-length'));
    const bytes = size !== undefined && /^\d+$/.test(size) ? Number(size) : undefined;
    if (bytes === undefined) throw new HubError(`The hub does not state the size of ${file.path} in ${file.repo}`);
    const etag = (answer.header('x-linked-etag') ?? answer.header('etag'))?.replace(/^W\//, '').replaceAll('"', '');
    return {
      bytes,
      sha256: etag !== undefined && /^[0-9a-f]{64}$/.test(etag) ? etag : undefined,
      commit: answer.header('x-repo-commit'),
    };
  }

  /**
   * Opens a file at `offset`. The stream ends with an error where the connection is cut or stalls.
   * @throws HubError
   */
  async open(file: HubFile, offset: number, signal?: AbortSignal): Promise<HubBody> {
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const answer = await this.#follow('GET', file, headers, signal, () => false);
    if (answer.status !== 206) {
      const length = answer.header('content-length');
      return { host: answer.url.host, stream: answer.body, offset: 0, totalBytes: length === undefined ? undefined : Number(length) };
    }
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.header('content-range') ?? '');
    if (range === null) {
      await answer.body.dump();
      throw new HubError('The hub resumes without saying where', { retry: true });
    }
    return {
      host: answer.url.host,
      stream: answer.body,
      offset: Number(range[1]),
      totalBytes: range[2] === '*' ? undefined : Number(range[2]),
    };
  }

  /** A small text file. @returns undefined where the repository has none of that name @throws HubError */
  async readText(file: HubFile, signal?: AbortSignal): Promise<string | undefined> {
    let body: HubBody;
    try {
      body = await this.open(file, 0, signal);
    } catch (error) {
      if (error instanceof HubError && error.missing) return undefined;
      throw error;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body.stream) {
        chunks.push(chunk as Buffer);
        bytes += (chunk as Buffer).length;
        if (bytes > maxTextBytes) throw new HubError(`The hub sends more than ${maxTextBytes} bytes for ${file.path}`);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof HubError ? error : connectionError(body.host, error);
    } finally {
      body.stream.destroy();
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  /** @param isEnough whether a redirect itself says what is wanted @throws HubError */
  async #follow(
    method: 'GET' | 'HEAD',
    file: HubFile,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
    isEnough: (answer: Answer) => boolean,
  ): Promise<Answer> {
    let url = new URL(this.urlOf(file));
    for (let hops = 0; hops <= maxHubRedirects; hops += 1) {
      const answer = await this.#ask(method, url, headers, signal);
      if (!isRedirect(answer.status)) {
        if (answer.status === 200 || answer.status === 206) return answer;
        const text = await readStart(answer.body);
        throw this.#refusal(answer, file, text);
      }
      if (isEnough(answer)) return answer;
      await answer.body.dump();
      const location = answer.header('location');
      if (location === undefined || !URL.canParse(location, url.href)) throw new HubError('The hub redirects to no address');
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && (next.protocol !== 'http:' || url.protocol === 'https:')) {
        throw new HubError(`The hub redirects from ${url.protocol}//${url.host} to ${next.protocol}//${next.host}, which is not encrypted`);
      }
      url = next;
    }
    throw new HubError('The hub redirects in circles');
  }

  async #ask(
    method: 'GET' | 'HEAD',
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const authorization =
      this.#token !== undefined && url.origin === this.#origin ? { authorization: `Bearer ${this.#token}` } : {};
    try {
      const { statusCode, headers: answered, body } = await request(url, {
        method,
        dispatcher: this.#dispatcher,
        signal: signal ?? null,
        headers: {
          'user-agent': `semblance/${packageVersion}`,
          // The size and the ranges of a compressed answer would be those of the compressed bytes.
          'accept-encoding': 'identity',
          ...headers,
          ...authorization,
        },
      });
      const header = (name: string) => [answered[name]].flat()[0];
      return { status: statusCode, url, header, body };
    } catch (error) {
      signal?.throwIfAborted();
      throw connectionError(url.host, error);
    }
  }

  #refusal({ status, url, header }: Answer, { repo, revision, path }: HubFile, text: string): HubError {
    const said = header('x-error-message') ?? (text.length <= maxQuotedCharacters && /^[\x20-\x7e]+$/.test(text) ? text : undefined);
    const quoted = said === undefined ? '' : ` (it says: ${said})`;
    if (status === 416) return new HubError(`The hub's ${path} ends before the size that it states`);
    if (url.origin !== this.#origin) {
      // The signature of its address has run out, or it is busy: the hub gives another address.
      return new HubError(`${url.host}, where the hub keeps its files, answered ${status}`, { retry: true, unreachable: true });
    }
    if (status === 401) {
      return new HubError(
        this.#token === undefined
          ? `The hub wants a token for ${repo}, or has no such repository: set HF_TOKEN to one that may read it${quoted}`
          : `The hub does not accept the token in HF_TOKEN for ${repo}${quoted}`,
      );
    }
    if (status === 403) {
      return new HubError(`The hub does not give ${repo} to this account: ask for access at ${this.#endpoint}/${repo} and set HF_TOKEN${quoted}`);
    }
    if (status === 404) return new HubError(`The hub has no ${path} in ${repo} at ${revision}${quoted}`, { missing: true });
    if (status === 429) {
      return new HubError('The hub has had too many requests from here', {
        retry: true,
        unreachable: true,
        retryAfterMs: parseRetryAfter(header('retry-after'), Date.now()),
      });
    }
    const passing = status === 408 || status >= 500;
    return new HubError(`The hub answered ${status}${quoted}`, {
      retry: passing,
      unreachable: passing,
      retryAfterMs: parseRetryAfter(header('retry-after'), Date.now()),
    });
  }
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** The hub says in a line what is wrong; whatever else answers may send a page, which is not read. */
async function readStart(body: Dispatcher.ResponseData['body']): Promise<string> {
  let text = '';
  try {
    for await (const chunk of body) {
      text += String(chunk);
      if (text.length > maxQuotedCharacters) break;
    }
  } catch {
    // The status says enough.
  }
  return text.trim();
}

function checkProxy(name: string, address: string): string {
  if (address === '') return '';
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return address;
  // It may hold a password.
  throw new ConfigurationError(`Expected an address such as http://proxy.example.org:3128 for ${name} but received another`);
}
