import { isIPv6 } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ConfigurationError, describeInvalid } from './errors.js';
import {
  defaultAnswerBytesInWork,
  defaultBytesPerMinute,
  defaultEmbeddingsPerMinute,
  defaultMaxAnswerBytes,
  defaultMaxUploadBytes,
  minSecretCharacters,
} from './limits.js';

export type DatabaseTarget =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'server';
      readonly url: string;
      /** Of the role that makes and drops tables; that of `url` unless given. */
      readonly adminUrl?: string | undefined;
      /** Streaming replicas of it, which searches, lists and bytes are read from; none unless given. */
      readonly readUrls?: readonly string[] | undefined;
    };

/** What a caller may do, each including those before it: search and look; store, change and delete images; make and switch spaces. */
export const scopes = ['read', 'write', 'admin'] as const;

export type Scope = (typeof scopes)[number];

/** What the server may be asked without credentials. */
export type AnonymousAccess = 'none' | Scope;

export const logFormats = ['json', 'text'] as const;

export type LogFormat = (typeof logFormats)[number];

/** Each logs what those after it log, too. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Whose JSON Web Tokens are taken. */
export interface TokenConfig {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  /** Name of the claim that holds the scopes, or a path to it, with dots. */
  readonly scopeClaim: string;
}

/** Where models are pulled from, and how it is reached. */
export interface HubConfig {
  /** Without a slash at its end; a mirror may have a path. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** As the environment has them: only a pull needs them, and only a pull fails on them. */
  readonly proxy: { readonly http: string; readonly https: string; readonly no: string };
}

/** Everything that the environment decides. Nothing else in the program reads the environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly database: DatabaseTarget;
  /** Postgres schema that holds Semblance's tables. */
  readonly schema: string;
  /** Absolute path: the embedded database, pulled models. */
  readonly dataDir: string;
  readonly autoMigrate: boolean;
  /** Name of a folder under models/, or a path to one. Undefined: the default one, or that of the active space. */
  readonly model: string | undefined;
  readonly anonymousAccess: AnonymousAccess;
  /** Undefined: no tokens, API keys alone. */
  readonly tokens: TokenConfig | undefined;
  /** What links to images are signed with; undefined: a random one that the servers share in the database. */
  readonly urlSecret: string | undefined;
  /** What `--server` sends. */
  readonly apiKey: string | undefined;
  /** Whether clients may ask for the schema. */
  readonly introspection: boolean;
  /** Of one caller; 0: no bound. */
  readonly embeddingsPerMinute: number;
  /** Of request bodies of one caller; 0: no bound. */
  readonly bytesPerMinute: number;
  /** Proxies in front of the server, each of which adds to X-Forwarded-For. */
  readonly proxyHops: number;
  /** Origins, as browsers send them, that may read answers. */
  readonly corsOrigins: readonly string[];
  /** Host names under which a loopback server is addressed, besides localhost and loopback addresses. */
  readonly allowedHosts: readonly string[];
  /** Path under which a proxy serves this server, such as /vision; empty where it is the root of its host. */
  readonly pathPrefix: string;
  readonly maxUploadBytes: number;
  /** The most bytes that one GraphQL answer may have. */
  readonly maxAnswerBytes: number;
  /** The most bytes of all GraphQL answers until clients have read them; one answer always fits. */
  readonly answerBytesInWork: number;
  /** Whether anybody gets the bytes of an image as they were uploaded, with what they tell of place and camera. */
  readonly serveOriginals: boolean;
  /** Threads of one model run. */
  readonly modelThreads: number;
  /** Whether the environment names them: then nothing that `models bench` stored is used. */
  readonly modelThreadsGiven: boolean;
  readonly databaseConnections: number;
  /** Between SIGTERM, from which on /readyz says no, and the end of taking requests. */
  readonly drainSeconds: number;
  /** Undefined: text where standard output is a terminal, JSON elsewhere. */
  readonly logFormat: LogFormat | undefined;
  readonly logLevel: LogLevel;
  /** Opens /metrics, and nothing else. */
  readonly metricsToken: string | undefined;
  readonly hub: HubConfig;
}

const secrets: ReadonlySet<string> = new Set([
  'DATABASE_URL',
  'SEMBLANCE_ADMIN_DATABASE_URL',
  'SEMBLANCE_READ_DATABASE_URLS',
  'SEMBLANCE_API_KEY',
  'SEMBLANCE_METRICS_TOKEN',
  'SEMBLANCE_URL_SECRET',
  'HF_TOKEN',
]);

type Parser<T> = (text: string) => T | Expectation;

/** What a variable should have been, as the end of "Expected …". */
class Expectation {
  constructor(readonly text: string) {}
}

/**
 * Reads the configuration. An empty variable counts as unset.
 * @throws ConfigurationError naming every malformed variable at once.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const read: Read = (name, fallback, parse) => {
    const text = env[name]?.trim();
    if (text === undefined || text === '') return fallback;
    const value = parse(text);
    if (!(value instanceof Expectation)) return value;
    // A connection string holds a password: it is never repeated. Nor is a token.
    problems.push(describeInvalid(name, value.text, secrets.has(name) ? '(hidden)' : text));
    return fallback;
  };

  const either = (...names: readonly string[]): string =>
    names.map((name) => env[name]?.trim() ?? '').find((text) => text !== '') ?? '';

  const database = read<DatabaseTarget>('DATABASE_URL', { kind: 'embedded' }, parseDatabase);
  const adminUrl = read<string | undefined>('SEMBLANCE_ADMIN_DATABASE_URL', undefined, parseServerUrl);
  if (adminUrl !== undefined && database.kind !== 'server' && problems.length === 0) {
    problems.push(
      'SEMBLANCE_ADMIN_DATABASE_URL is set, and DATABASE_URL names no Postgres server: the embedded database has one role. Unset it, or set DATABASE_URL.',
    );
  }
  const readUrls = read<readonly string[]>('SEMBLANCE_READ_DATABASE_URLS', [], parseServerUrls);
  if (readUrls.length > 0 && database.kind !== 'server' && problems.length === 0) {
    problems.push(
      'SEMBLANCE_READ_DATABASE_URLS is set, and DATABASE_URL names no Postgres server: the embedded database has no replicas. Unset it, or set DATABASE_URL.',
    );
  }
  const host = read('HOST', '127.0.0.1', parseHost);
  const anonymous = read<AnonymousAccess | undefined>('SEMBLANCE_ALLOW_ANONYMOUS', undefined, oneOf('none', ...scopes));
  const anonymousAccess = anonymous ?? (isLoopback(host) ? 'admin' : 'none');
  // Where everybody may do everything nobody is told apart from others, and nobody is to be held back.
  const isOpen = anonymousAccess === 'admin';
  const config: Config = {
    host,
    port: read('PORT', 4000, integer(0, 65_535)),
    database:
      database.kind === 'server'
        ? {
            ...database,
            ...(adminUrl === undefined ? {} : { adminUrl }),
            ...(readUrls.length === 0 ? {} : { readUrls }),
          }
        : database,
    schema: read('SEMBLANCE_SCHEMA', 'semblance', parseSchema),
    dataDir: resolve(read('SEMBLANCE_DATA_DIR', './data', (text) => text)),
    autoMigrate: read('SEMBLANCE_AUTO_MIGRATE', true, parseBoolean),
    model: read<string | undefined>('SEMBLANCE_MODEL', undefined, (text) => text),
    anonymousAccess,
    tokens: readTokens(read, problems),
    urlSecret: read<string | undefined>('SEMBLANCE_URL_SECRET', undefined, parseSecret),
    apiKey: read<string | undefined>('SEMBLANCE_API_KEY', undefined, parseToken),
    introspection: read('SEMBLANCE_INTROSPECTION', true, parseBoolean),
    embeddingsPerMinute: read(
      'SEMBLANCE_EMBEDDINGS_PER_MINUTE',
      isOpen ? 0 : defaultEmbeddingsPerMinute,
      integer(0, 1_000_000_000),
    ),
    bytesPerMinute: read(
      'SEMBLANCE_BYTES_PER_MINUTE',
      isOpen ? 0 : defaultBytesPerMinute,
      integer(0, Number.MAX_SAFE_INTEGER),
    ),
    proxyHops: read('SEMBLANCE_PROXY_HOPS', 0, integer(0, 10)),
    corsOrigins: read<readonly string[]>('SEMBLANCE_CORS_ORIGINS', [], parseOrigins),
    allowedHosts: read<readonly string[]>('SEMBLANCE_ALLOWED_HOSTS', [], parseList),
    pathPrefix: read('SEMBLANCE_PATH_PREFIX', '', parsePathPrefix),
    serveOriginals: read('SEMBLANCE_SERVE_ORIGINALS', true, parseBoolean),
    maxUploadBytes: read('SEMBLANCE_MAX_UPLOAD_BYTES', defaultMaxUploadBytes, integer(1, 1_000_000_000)),
    maxAnswerBytes: read('SEMBLANCE_MAX_ANSWER_BYTES', defaultMaxAnswerBytes, integer(100_000, 1_000_000_000)),
    answerBytesInWork: read(
      'SEMBLANCE_ANSWER_BYTES_IN_WORK',
      defaultAnswerBytesInWork,
      integer(100_000, Number.MAX_SAFE_INTEGER),
    ),
    modelThreads: read('SEMBLANCE_MODEL_THREADS', Math.min(4, availableParallelism()), integer(1, 64)),
    modelThreadsGiven: (env['SEMBLANCE_MODEL_THREADS']?.trim() ?? '') !== '',
    databaseConnections: read('SEMBLANCE_DATABASE_CONNECTIONS', 10, integer(1, 100)),
    drainSeconds: read('SEMBLANCE_DRAIN_SECONDS', 0, integer(0, 300)),
    logFormat: read<LogFormat | undefined>('SEMBLANCE_LOG_FORMAT', undefined, oneOf(...logFormats)),
    logLevel: read<LogLevel>('SEMBLANCE_LOG_LEVEL', 'info', oneOf(...logLevels)),
    metricsToken: read<string | undefined>('SEMBLANCE_METRICS_TOKEN', undefined, parseMetricsToken),
    hub: {
      endpoint: read('HF_ENDPOINT', 'https://huggingface.co', parseEndpoint),
      token: read<string | undefined>('HF_TOKEN', undefined, parseToken),
      proxy: {
        http: either('http_proxy', 'HTTP_PROXY'),
        https: either('https_proxy', 'HTTPS_PROXY'),
        no: either('no_proxy', 'NO_PROXY'),
      },
    },
  };

  if (problems.length > 0) throw new ConfigurationError(problems.join('\n'));
  return Object.freeze(config);
}

/** What no log may hold, as it stands in the configuration and as programs decode it. */
export function secretsOf({ database, urlSecret, apiKey, metricsToken, hub }: Config): readonly string[] {
  const urls = database.kind === 'server' ? [database.url, database.adminUrl, ...(database.readUrls ?? [])] : [];
  const passwords = urls.flatMap((text) => {
    if (text === undefined) return [];
    const { password, searchParams } = new URL(text);
    return [password, decoded(password), searchParams.get('password') ?? ''];
  });
  return [...new Set([...passwords, urlSecret ?? '', apiKey ?? '', metricsToken ?? '', hub.token ?? ''])].filter(
    (text) => text !== '',
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Read = <T>(name: string, fallback: T, parse: Parser<T>) => T;

function readTokens(read: Read, problems: string[]): TokenConfig | undefined {
  const jwksUrl = read<string | undefined>('SEMBLANCE_JWKS_URL', undefined, parseJwksUrl);
  const issuer = read<string | undefined>('SEMBLANCE_JWT_ISSUER', undefined, (text) => text);
  const audience = read<string | undefined>('SEMBLANCE_JWT_AUDIENCE', undefined, (text) => text);
  const scopeClaim = read('SEMBLANCE_JWT_SCOPE_CLAIM', 'scope', (text) => text);
  if (jwksUrl !== undefined && issuer !== undefined && audience !== undefined) {
    return { jwksUrl, issuer, audience, scopeClaim };
  }
  if (jwksUrl !== undefined || issuer !== undefined || audience !== undefined) {
    problems.push(
      'SEMBLANCE_JWKS_URL, SEMBLANCE_JWT_ISSUER and SEMBLANCE_JWT_AUDIENCE belong together: set all three, or tokens that the issuer made for others would be taken.',
    );
  }
  return undefined;
}

/** Keys that anybody on the way could replace would let anybody in. */
function parseJwksUrl(text: string): string | Expectation {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  return safe && url.username === '' ? url.href : new Expectation('an address that begins with https://');
}

function parseSecret(text: string): string | Expectation {
  return text.length >= minSecretCharacters
    ? text
    : new Expectation(`at least ${minSecretCharacters} characters that nobody can guess`);
}

function parseMetricsToken(text: string): string | Expectation {
  const secret = parseSecret(text);
  return typeof secret === 'string' && typeof parseToken(secret) !== 'string'
    ? new Expectation(`a token of at least ${minSecretCharacters} characters without spaces`)
    : secret;
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
}

function parseHost(text: string): string | Expectation {
  const bracketed = /^\[(.*)\]$/.exec(text)?.[1];
  const valid = bracketed === undefined ? /^[\w.:-]+$/.test(text) : isIPv6(bracketed);
  return valid ? text : new Expectation('a host name or an IP address');
}

function parseDatabase(text: string): DatabaseTarget | Expectation {
  if (text === 'memory:') return { kind: 'memory' };
  if (/^postgres(ql)?:\/\//.test(text) && hasBarePassword(text)) {
    return new Expectation("postgres://… in which the password's #, ? and / are written as %23, %3F and %2F");
  }
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return { kind: 'server', url: text };
  return new Expectation('postgres://…, or memory:');
}

/** Whether user and password are read as something else, for a character among them ends that part of a URL. */
function hasBarePassword(text: string): boolean {
  if (!URL.canParse(text)) return /^[^/]*\/\/.*[#?/].*@/.test(text);
  const { hash, pathname, search } = new URL(text);
  return hash.includes('@') || pathname.includes('@') || (search.includes('@') && pathname.length <= 1);
}

function parseServerUrl(text: string): string | Expectation {
  const target = parseDatabase(text);
  if (target instanceof Expectation && target.text.includes('password')) return target;
  return 'url' in target ? target.url : new Expectation('postgres://…');
}

function parseServerUrls(text: string): readonly string[] | Expectation {
  const urls = parseList(text);
  const refused = urls.map(parseServerUrl).find((url) => url instanceof Expectation);
  return refused === undefined ? urls : new Expectation(`a comma-separated list of ${refused.text}`);
}

/** What Postgres takes unquoted, so that users can write it in their own SQL as it stands. */
function parseSchema(text: string): string | Expectation {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(text))
    return new Expectation('a lower-case SQL identifier of at most 63 characters');
  return text.startsWith('pg_') || text === 'public' || text === 'information_schema'
    ? new Expectation('a schema of its own, not one of Postgres')
    : text;
}

function parseEndpoint(text: string): string | Expectation {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    return new Expectation('an address such as https://huggingface.co');
  }
  return url.href.replace(/\/+$/, '');
}

/** Anything else would break out of the header that carries it. */
function parseToken(text: string): string | Expectation {
  return /^[\x21-\x7e]+$/.test(text) ? text : new Expectation('a token without spaces');
}

function parseBoolean(text: string): boolean | Expectation {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  return new Expectation('true or false');
}

function parseList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Without a slash at its end. It is written into the page: no character of it means anything in HTML. */
/** What is served at the root: under such a prefix nobody could tell `/graphql` from what a proxy left of `/graphql/graphql`. */
const servedNames = 'assets compare gallery graphql image images livez metrics readyz search status'.split(' ');

function parsePathPrefix(text: string): string | Expectation {
  const path = text.replace(/\/$/, '');
  const isPath = /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*$/.test(path);
  return isPath && !servedNames.includes(path.split('/')[1] ?? '')
    ? path
    : new Expectation('a path such as /vision that begins with no name which the server itself serves');
}

function parseOrigins(text: string): readonly string[] | Expectation {
  const origins = parseList(text);
  const exact = (origin: string) => URL.canParse(origin) && new URL(origin).origin === origin;
  return origins.every(exact)
    ? origins
    : new Expectation('a comma-separated list of origins such as https://example.org');
}

function integer(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : new Expectation(`an integer from ${min} to ${max}`);
  };
}

function oneOf<T extends string>(...values: readonly T[]): Parser<T> {
  return (text) => values.find((value) => value === text) ?? new Expectation(values.join(' or '));
}
