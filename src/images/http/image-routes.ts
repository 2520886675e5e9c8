import { create as contentDisposition } from 'content-disposition';
import { Router, type Request, type Response } from 'express';
import { SemblanceError } from '../../base/errors.js';
import { withExtension } from '../../pixels/filename.js';
import type { ByteBudget } from '../../base/concurrency/byte-budget.js';
import { requireFound } from '../../base/require-found.js';
import type { ImageOperations } from '../image-operations.js';
import type { ImageRecord } from '../../database/types.js';
import { callerOf, type Access } from '../../access/http/guards.js';
import { parseByteRange, type ByteRange } from './byte-range.js';
import { imageForms, imagePaths, type ImageForm } from '../../access/image-paths.js';

export interface ImageRoutesOptions {
  readonly operations: ImageOperations;
  readonly access: Pick<Access, 'guardImage' | 'chargeRendition' | 'isPublic'>;
  /** Of the images that clients have not read to their end. */
  readonly sending: ByteBudget;
  /** Whether pages of other origins may show the images. */
  readonly crossOrigin: boolean;
  /** False: renditions and thumbnails only, which are made of pixels alone. */
  readonly serveOriginals: boolean;
}

/** GET and HEAD of an image's original bytes, rendition and thumbnail. */
export function imageRoutes({ operations, access, sending, crossOrigin, serveOriginals }: ImageRoutesOptions): Router {
  const router = Router();
  const readers: Readonly<Record<ImageForm, (id: string, signal: AbortSignal) => Promise<Buffer | undefined>>> = {
    original: async (id) => (await operations.readOriginal(id))?.bytes,
    rendition: (id, signal) => operations.readRendition(id, signal),
    thumbnail: (id) => operations.readThumbnail(id),
  };
  for (const form of imageForms) {
    router.get(imagePaths(':id')[form], access.guardImage(form), async (request: Request<{ id: string }>, response) => {
      if (form === 'original' && !serveOriginals) {
        throw new SemblanceError('FORBIDDEN', 'This server serves no originals, only renditions and thumbnails');
      }
      const { id } = request.params;
      const image = requireFound(await operations.findImage(id), id);
      const headers = headersOf(image, form, { crossOrigin, isPublic: access.isPublic });
      const known = matchesAny(request.get('If-None-Match'), headers.ETag);
      const needsNoBytes = known || (request.method === 'HEAD' && form === 'original');
      // It is decoded and encoded anew for each request, HEAD too, which tells its size.
      if (form === 'rendition' && !needsNoBytes) await access.chargeRendition(callerOf(response));
      // Before the headers are set, for it may still fail, and an error must not be cached as an image.
      const bytes = needsNoBytes ? undefined : requireFound(await readers[form](id, goneSignal(response)), id);
      if (bytes !== undefined) holdUntilSent(sending, response, bytes);
      response.set(headers);
      if (known) response.status(304).end();
      else if (bytes === undefined) response.set('Content-Length', String(image.byteSize)).end();
      else sendBytes(request, response, bytes, form === 'original');
    });
  }
  return router;
}

/** Aborts where the client leaves before it has its answer. */
function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('The client has gone'));
  });
  return gone.signal;
}

/**
 * Bytes stay in memory until the last of them is on its way, for a client that reads slowly for as long as it likes.
 * @throws SemblanceError OVERLOADED, RATE_LIMITED
 */
function holdUntilSent(sending: ByteBudget, response: Response, bytes: Buffer): void {
  // Its client has gone: nothing would say when it ends.
  if (response.destroyed) return;
  const hold = sending.open(callerOf(response).id);
  hold.add(bytes.byteLength);
  response.once('close', () => {
    hold.release();
  });
}

function headersOf(
  image: ImageRecord,
  form: ImageForm,
  { crossOrigin, isPublic }: { readonly crossOrigin: boolean; readonly isPublic: boolean },
) {
  const stem = image.filename.replace(/\.[^.]*$/, '');
  const filename = form === 'original' ? withExtension(image.filename, image.mediaType) : `${stem}.webp`;
  return {
    'Content-Type': form === 'original' ? image.mediaType : 'image/webp',
    'Content-Disposition': contentDisposition(filename, { type: 'inline' }),
    // Should a browser ever take the bytes for a document, it may run nothing.
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cross-Origin-Resource-Policy': crossOrigin ? 'cross-origin' : 'same-origin',
    // An id is made of the content: what it names never changes. A shared cache would hand it to whoever may not read it.
    'Cache-Control': `${isPublic ? 'public' : 'private'}, max-age=31536000, immutable`,
    ETag: `"${image.sha256}${form === 'original' ? '' : `-${form}`}"`,
    ...(form === 'original' ? { 'Accept-Ranges': 'bytes' } : {}),
  };
}

function sendBytes(request: Request, response: Response, bytes: Buffer, mayBePartial: boolean): void {
  const range = mayBePartial && request.method === 'GET' ? wantedRange(request, response, bytes.byteLength) : undefined;
  if (range === 'unsatisfiable') {
    response.status(416).set('Content-Range', `bytes */${bytes.byteLength}`).removeHeader('Content-Type');
    response.end();
    return;
  }
  const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
  if (range !== undefined) {
    response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${bytes.byteLength}`);
  }
  response.set('Content-Length', String(part.byteLength)).end(part);
}

/** Undefined where the whole is to be sent; see parseByteRange. */
function wantedRange(request: Request, response: Response, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined {
  const header = request.get('Range');
  const condition = request.get('If-Range');
  const isOfAnother = condition !== undefined && condition !== response.get('ETag');
  return header === undefined || isOfAnother ? undefined : parseByteRange(header, sizeBytes);
}

/**
 * RFC 9110, section 13.1.2. Not `request.fresh`, which gives up at the `Cache-Control: no-cache` that fetch adds; the
 * answer comes from the database in either case.
 */
function matchesAny(condition: string | undefined, etag: string): boolean {
  if (condition === undefined) return false;
  return condition.trim() === '*' || condition.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
