import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Router } from 'express';
import { packageRoot } from '../base/paths.js';

const require = createRequire(import.meta.url);
const webFolder = join(packageRoot, 'web', 'explorer');

/** Browser builds are shipped and kept out of `exports`, so they are found by the package's folder. */
function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

/** Everything that the page at /graphql loads from this server; index.html itself is Apollo Server's to send. */
const assets: Readonly<Record<string, string>> = {
  'explorer.js': join(webFolder, 'explorer.js'),
  'examples.js': join(webFolder, 'examples.js'),
  'explorer.css': join(webFolder, 'explorer.css'),
  'react.js': join(packageFolder('react'), 'umd', 'react.production.min.js'),
  'react-dom.js': join(packageFolder('react-dom'), 'umd', 'react-dom.production.min.js'),
  'graphiql.js': join(packageFolder('graphiql'), 'graphiql.min.js'),
  'graphiql.css': join(packageFolder('graphiql'), 'graphiql.min.css'),
};

export function explorerRoutes(): Router {
  const router = Router();
  for (const [name, file] of Object.entries(assets)) {
    router.get(`/graphql/assets/${name}`, (_request, response, next) => {
      // The files lie in folders that may begin with a dot, which sendFile refuses unless told.
      response.sendFile(
        file,
        { dotfiles: 'allow', cacheControl: false, headers: { 'Cache-Control': 'no-cache' } },
        (error) => {
          if (error !== undefined && !response.headersSent) next(error);
        },
      );
    });
  }
  return router;
}
