import type { Command } from 'commander';
import { loadConfig } from '../../base/config.js';
import { describeConfig, unknownVariables } from '../../base/describe-config.js';
import { ConfigurationError } from '../../base/errors.js';
import { print } from '../output.js';
import type { Environment } from '../run.js';

export function registerServe(program: Command, env: Environment): void {
  program
    .command('serve')
    .description('serve GraphQL and images over HTTP; configured by environment variables, see docs/configuration.md')
    .option('--check-config', 'print what the environment variables come to, and whether they are valid; start nothing')
    .action(async ({ checkConfig = false }: { readonly checkConfig?: boolean }) => {
      const config = loadConfig(env);
      const unknown = unknownVariables(env, config).map(explainUnknown);
      if (checkConfig) {
        for (const [name, value] of Object.entries(describeConfig(config))) print(`${name}=${value}`);
        if (unknown.length > 0) throw new ConfigurationError(unknown.join('\n'));
        return;
      }
      // Only now, for a server's libraries take longer to load than most commands take.
      const { runServer } = await import('../run-server.js');
      await runServer({ config, env, warnings: unknown });
    });
}

function explainUnknown(name: string): string {
  return `${name} is no variable of Semblance: docs/configuration.md lists them.`;
}
