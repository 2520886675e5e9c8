import { loadConfig, type Config } from '../../src/base/config.js';

/**
 * The bundled model that tests serve by: an image costs it a third of what it costs the default. Tests of the default say so, by an
 * empty SEMBLANCE_MODEL or by loadConfig itself.
 */
export const smallModel = 'semblance-compact';

/** loadConfig, the first space of an empty database being that of the small model. */
export function testConfig(env: NodeJS.ProcessEnv): Config {
  return loadConfig({ SEMBLANCE_MODEL: smallModel, ...env });
}
