import type { Request, RequestHandler, Response } from 'express';
import type { Config } from '../../base/config.js';
import { Authenticator } from '../authenticator.js';
import { mayDo, requireScope, type Caller } from '../caller.js';
import { LinkSigner } from '../links.js';
import { openTokenVerifier } from '../tokens.js';
import type { WorkMeter } from '../work-meter.js';
import type { AccessOperations } from '../access-operations.js';
import { imagePaths, type ImageForm } from '../image-paths.js';
import { isUpload } from './request-body.js';

export interface AccessOptions {
  readonly config: Pick<Config, 'anonymousAccess' | 'tokens' | 'urlSecret' | 'pathPrefix'>;
  readonly operations: Pick<AccessOperations, 'apiKeys' | 'linkSecret'>;
  readonly meter: WorkMeter;
  readonly now?: (() => number) | undefined;
}

/** Who may ask for what, decided before a body is read. */
export interface Access {
  /** Whether strangers may look at images: then links carry no signature, and shared caches may keep what they lead to. */
  readonly isPublic: boolean;
  /** Sets the caller of this request, or refuses its credentials. */
  readonly identify: RequestHandler;
  /** Before /graphql. What the operation itself takes is told once it is known. */
  readonly guardGraphql: RequestHandler;
  /** Before the body of a request to /graphql that was let in. */
  readonly chargeGraphql: RequestHandler;
  /** Before the path of an image. */
  readonly guardImage: (form: ImageForm) => RequestHandler;
  /** Before a rendition is made. @throws RetryLaterError RATE_LIMITED */
  readonly chargeRendition: (caller: Caller) => Promise<void>;
  /**
   * Paths of an image's forms as a caller gets them, the proxy's prefix included: renditions are signed where strangers may not look at
   * images.
   */
  readonly imagePaths: (id: string) => Promise<Readonly<Record<ImageForm, string>>>;
}

export function openAccess({ config, operations, meter, now }: AccessOptions): Access {
  const { anonymousAccess, tokens, urlSecret, pathPrefix } = config;
  const authenticator = new Authenticator({
    anonymousAccess,
    keys: operations.apiKeys,
    verifyToken: tokens && openTokenVerifier(tokens),
  });
  const links = new LinkSigner({
    readSecret: () => (urlSecret === undefined ? operations.linkSecret() : Promise.resolve(Buffer.from(urlSecret))),
    now,
  });
  const isPublic = anonymousAccess !== 'none';
  return {
    isPublic,
    identify: async (request, response, next) => {
      const caller = await authenticator.identify(request.headers.authorization, request.ip ?? '');
      (response.locals as Locals).caller = caller;
      next();
    },
    guardGraphql: (request, response, next) => {
      if (!asksForPage(request)) requireScope(callerOf(response), 'read');
      next();
    },
    chargeGraphql: async (request, response, next) => {
      const caller = callerOf(response);
      if (request.method === 'POST') {
        await meter.chargeBody(caller, request, response);
        if (isUpload(request)) await meter.assertImagesLeft(caller);
      }
      next();
    },
    guardImage: (form) => async (request, response, next) => {
      const caller = callerOf(response);
      const { expires, signature } = request.query;
      if (
        mayDo(caller, 'read') ||
        typeof expires !== 'string' ||
        typeof signature !== 'string' ||
        form === 'original'
      ) {
        requireScope(caller, 'read');
      } else {
        await links.verify(request.path, expires, signature);
      }
      next();
    },
    chargeRendition: (caller) => meter.chargeImages(caller, 1),
    imagePaths: async (id) => {
      const { original, ...unsigned } = imagePaths(id);
      // What is signed is the path as this server sees it.
      const sign = (path: string) => (isPublic ? path : links.sign(path));
      const [rendition, thumbnail] = await Promise.all([sign(unsigned.rendition), sign(unsigned.thumbnail)]);
      return {
        original: pathPrefix + original,
        rendition: pathPrefix + rendition,
        thumbnail: pathPrefix + thumbnail,
      };
    },
  };
}

interface Locals {
  caller?: Caller;
}

/** Of a request that `identify` has let pass. */
export function callerOf(response: Response): Caller {
  const { caller } = response.locals as Locals;
  if (caller === undefined) throw new Error('A request was served without asking who sent it');
  return caller;
}

/** The explorer's page is the same for everybody and holds nothing of the gallery. With a query it is no page any more. */
function asksForPage(request: Request): boolean {
  return (
    request.method === 'GET' &&
    !request.originalUrl.includes('?') &&
    request.headers['content-length'] === undefined &&
    request.headers['transfer-encoding'] === undefined &&
    request.accepts(['json', 'html']) === 'html'
  );
}
