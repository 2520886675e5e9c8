import { loadConfig, type Config } from '../base/config.js';
import { note } from './output.js';

/**
 * The configuration of a command that works on a gallery and ends. Where it opens one in memory itself, people are told that
 * nothing of it is kept.
 * @throws ConfigurationError
 */
export function loadGalleryConfig(
  env: NodeJS.ProcessEnv,
  { server }: { readonly server?: URL | undefined } = {},
): Config {
  const config = loadConfig(env);
  if (server === undefined && config.database.kind === 'memory') {
    note('DATABASE_URL is memory: this command begins with an empty gallery, and nothing of it is kept.');
  }
  return config;
}
