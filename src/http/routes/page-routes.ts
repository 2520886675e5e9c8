import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { SemblanceError } from '../../base/errors.js';
import { packageRoot } from '../../base/paths.js';

const gzipped = promisify(gzip);
const pageFolder = join(packageRoot, 'dist', 'web');

/** Addresses of the page's views, as web/src/lib/paths.ts spells them. Each answers the page, which then shows the view. */
const viewPaths = ['/', '/search', '/search/:imageId', '/image/:imageId', '/gallery', '/compare', '/status'];

/** Scripts, styles and pictures of this server, files that a person chose, and requests to this server: nothing else. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

export interface PageRoutes {
  /** The page's addresses, and the files that it loads. */
  readonly pages: Router;
  /** The page for whoever followed a link that leads nowhere. Goes last; programs get the error itself. */
  readonly strayed: RequestHandler;
}

export interface PageRoutesOptions {
  /** See Config. */
  readonly pathPrefix: string;
  readonly folder?: string | undefined;
}

/** The web page, from the files that `npm run build:web` made: each is read and compressed once. */
export function pageRoutes({ pathPrefix, folder = pageFolder }: PageRoutesOptions): PageRoutes {
  const files = new Map<string, Promise<PageFile>>();
  const open = (path: string): Promise<PageFile> => {
    const file = files.get(path) ?? readPageFile(join(folder, path), pathPrefix);
    files.set(path, file);
    file.catch(() => files.delete(path));
    return file;
  };
  const sendPage = async (status: number, request: Request, response: Response): Promise<void> => {
    const page = await open('index.html').catch((cause: unknown) => {
      throw new SemblanceError('NOT_FOUND', 'The web page is not built: run `npm run build:web`', { cause });
    });
    response.set({ 'Content-Security-Policy': pagePolicy, 'Cache-Control': 'no-cache' });
    sendFile(page, status, request, response);
  };

  const pages = Router();
  pages.get(viewPaths, (request, response) => sendPage(200, request, response));
  for (const name of assetNames(folder)) {
    pages.get(`/assets/${name}`, async (request, response) => {
      // A file's name holds a hash of its content.
      response.set('Cache-Control', 'public, max-age=31536000, immutable');
      sendFile(await open(join('assets', name)), 200, request, response);
    });
  }
  return {
    pages,
    strayed: async (request, response, next) => {
      const isNavigation = request.method === 'GET' && (request.get('Accept') ?? '').includes('text/html');
      if (isNavigation && !/^\/(graphql|images|assets)(\/|$)/.test(request.path)) {
        await sendPage(404, request, response);
      } else next();
    },
  };
}

/** The only names that are looked up: no path of a request reaches the file system. */
function assetNames(folder: string): readonly string[] {
  try {
    return readdirSync(join(folder, 'assets')).filter((name) => /^[\w-]+\.\w+$/.test(name));
  } catch {
    return [];
  }
}

async function readPageFile(path: string, pathPrefix: string): Promise<PageFile> {
  const file = await readFile(path);
  const bytes = extname(path) === '.html' ? Buffer.from(underPrefix(file.toString(), pathPrefix)) : file;
  return { type: types[extname(path)] ?? 'application/octet-stream', bytes, gzipped: await gzipped(bytes) };
}

/** The page is built with addresses relative to the server's root, and is answered at many paths. */
function underPrefix(html: string, pathPrefix: string): string {
  return html.replaceAll('="./', `="${pathPrefix}/`).replace('<meta name="path-prefix" content="', `$&${pathPrefix}`);
}

function sendFile(file: PageFile, status: number, request: Request, response: Response): void {
  const compressed = request.acceptsEncodings('gzip') === 'gzip';
  response.vary('Accept-Encoding');
  if (compressed) response.set('Content-Encoding', 'gzip');
  response.status(status).type(file.type);
  response.send(compressed ? file.gzipped : file.bytes);
}
