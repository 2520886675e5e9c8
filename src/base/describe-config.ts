import type { Config, DatabaseTarget } from './config.js';
import { redact } from './redact.js';

/** In place of a value that is nobody's to read. */
const hidden = '(hidden)';
const unset = '(unset)';

/**
 * What each environment variable comes to, defaults filled in, without a secret: for the operator's log and `--check-config`. A
 * test holds the names against those that loadConfig reads.
 */
export function describeConfig(config: Config): Readonly<Record<string, string>> {
  const { database, tokens, hub } = config;
  const server = database.kind === 'server' ? database : undefined;
  return {
    HOST: config.host,
    PORT: String(config.port),
    DATABASE_URL: describeDatabase(database),
    SEMBLANCE_ADMIN_DATABASE_URL: describeUrl(server?.adminUrl),
    SEMBLANCE_READ_DATABASE_URLS: listed(server?.readUrls?.map(describeUrl)),
    SEMBLANCE_DATA_DIR: config.dataDir,
    SEMBLANCE_SCHEMA: config.schema,
    SEMBLANCE_AUTO_MIGRATE: String(config.autoMigrate),
    SEMBLANCE_DATABASE_CONNECTIONS: String(config.databaseConnections),
    SEMBLANCE_MODEL: config.model ?? unset,
    SEMBLANCE_MODEL_THREADS: config.modelThreadsGiven ? String(config.modelThreads) : unset,
    SEMBLANCE_ALLOW_ANONYMOUS: config.anonymousAccess,
    SEMBLANCE_JWKS_URL: tokens?.jwksUrl ?? unset,
    SEMBLANCE_JWT_ISSUER: tokens?.issuer ?? unset,
    SEMBLANCE_JWT_AUDIENCE: tokens?.audience ?? unset,
    SEMBLANCE_JWT_SCOPE_CLAIM: tokens?.scopeClaim ?? unset,
    SEMBLANCE_URL_SECRET: secret(config.urlSecret),
    SEMBLANCE_API_KEY: secret(config.apiKey),
    SEMBLANCE_INTROSPECTION: String(config.introspection),
    SEMBLANCE_EMBEDDINGS_PER_MINUTE: String(config.embeddingsPerMinute),
    SEMBLANCE_BYTES_PER_MINUTE: String(config.bytesPerMinute),
    SEMBLANCE_PROXY_HOPS: String(config.proxyHops),
    SEMBLANCE_CORS_ORIGINS: listed(config.corsOrigins),
    SEMBLANCE_ALLOWED_HOSTS: listed(config.allowedHosts),
    SEMBLANCE_PATH_PREFIX: orUnset(config.pathPrefix),
    SEMBLANCE_SERVE_ORIGINALS: String(config.serveOriginals),
    SEMBLANCE_MAX_UPLOAD_BYTES: String(config.maxUploadBytes),
    SEMBLANCE_MAX_ANSWER_BYTES: String(config.maxAnswerBytes),
    SEMBLANCE_ANSWER_BYTES_IN_WORK: String(config.answerBytesInWork),
    SEMBLANCE_DRAIN_SECONDS: String(config.drainSeconds),
    SEMBLANCE_LOG_FORMAT: config.logFormat ?? unset,
    SEMBLANCE_LOG_LEVEL: config.logLevel,
    SEMBLANCE_METRICS_TOKEN: secret(config.metricsToken),
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: secret(hub.token),
    HTTP_PROXY: orUnset(redact(hub.proxy.http)),
    HTTPS_PROXY: orUnset(redact(hub.proxy.https)),
    NO_PROXY: orUnset(hub.proxy.no),
  };
}

/** Variables with our prefix that nothing reads: a misspelt one would else be its default without a word. */
export function unknownVariables(env: NodeJS.ProcessEnv, config: Config): readonly string[] {
  const known = describeConfig(config);
  return Object.keys(env)
    .filter((name) => name.startsWith('SEMBLANCE_') && !name.startsWith('SEMBLANCE_BENCH_') && !(name in known))
    .sort();
}

function describeDatabase(database: DatabaseTarget): string {
  switch (database.kind) {
    case 'embedded':
      return unset;
    case 'memory':
      return 'memory:';
    case 'server':
      return describeUrl(database.url);
  }
}

/** Of the parameters the names alone: any of them may hold a password or the path to a key. */
function describeUrl(text: string | undefined): string {
  if (text === undefined) return unset;
  const { protocol, username, password, host, pathname, searchParams } = new URL(text);
  const user = username === '' ? '' : `${username}${password === '' ? '' : `:${hidden}`}@`;
  const parameters = [...new Set(searchParams.keys())].map((name) => `${name}=${hidden}`);
  return `${protocol}//${user}${host}${pathname}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}

function secret(value: string | undefined): string {
  return value === undefined ? unset : hidden;
}

function listed(values: readonly string[] | undefined): string {
  return orUnset((values ?? []).join(','));
}

function orUnset(text: string): string {
  return text === '' ? unset : text;
}
