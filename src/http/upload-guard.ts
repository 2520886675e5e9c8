import type { Request, RequestHandler, Response } from 'express';
import { graphqlUploadExpress } from 'graphql-upload-ts';
import { invalidArgument, SemblanceError } from '../base/errors.js';
import { maxFilesPerRequest, maxMultipartFieldBytes, maxMultipartPathSteps } from '../base/limits.js';
import type { ByteBudget } from '../base/concurrency/byte-budget.js';
import { assertJsonDepth } from '../base/json/json-depth.js';
import { callerOf } from '../access/http/guards.js';
import { hideInsides } from './hide-insides.js';
import { contentLength, cutOff, isUpload } from '../access/http/request-body.js';
import { readMultipartHead, type MultipartHead } from './multipart-head.js';

/** A browser asks first before a web page may send one of them to another origin. The same as Apollo Server takes. */
const preflightHeaders = ['Apollo-Require-Preflight', 'X-Apollo-Operation-Name'] as const;
/** Header of a part with its boundary; generous, for file names may be long. */
const maxPartOverheadBytes = 8 * 1024;

export interface UploadGuardOptions {
  /** Of one file. */
  readonly maxUploadBytes: number;
  /** Room for the files of all requests, on the disk. */
  readonly temporary: ByteBudget;
}

/**
 * Parses GraphQL multipart requests with graphql-upload-ts, after everything was refused that it would work on too long:
 * it walks the paths of `map` in quadratic time and memory, so that one small anonymous request could end the process.
 */
export function uploadGuard({ maxUploadBytes, temporary }: UploadGuardOptions): RequestHandler[] {
  const guard: RequestHandler = async (request, response, next) => {
    if (!isUpload(request)) {
      next();
      return;
    }
    if (request.method !== 'POST') throw new SemblanceError('BAD_USER_INPUT', 'A multipart request must be a POST');
    if (preflightHeaders.every((name) => (request.get(name) ?? '') === '')) {
      throw new SemblanceError(
        'BAD_USER_INPUT',
        `A multipart request needs a non-empty ${preflightHeaders.join(' or ')} header: without it any web page could send one`,
      );
    }
    // Its client left while it was asked who it is: nothing would say when it ends.
    if (isGone(response)) return;
    // Once the answer is out, what still arrives belongs to nobody: it is read, for the connection serves on, but not kept.
    response.once('close', () => {
      request.unpipe();
      request.resume();
    });
    assertContentLength(request, maxFilesPerRequest, maxUploadBytes);
    const files = checkHead(await readMultipartHead(request));
    assertContentLength(request, files, maxUploadBytes);
    const maxBytes = maxBodyBytes(files, maxUploadBytes);
    if (isGone(response)) return;
    const hold = temporary.open(callerOf(response).id);
    // As much as was announced, before any of it is written: a request that is refused amid its files has no answer to read.
    hold.add(contentLength(request) ?? maxBytes);
    response.once('close', () => {
      hold.release();
    });
    cutOff(request, maxBytes);
    next();
  };
  const parse = graphqlUploadExpress({
    maxFieldSize: maxMultipartFieldBytes,
    maxFiles: maxFilesPerRequest,
    // busboy takes a file of exactly its limit for a longer one.
    maxFileSize: maxUploadBytes + 1,
  });
  const hide: RequestHandler = (request, _response, next) => {
    if (isUpload(request)) hideInsides(request.body);
    next();
  };
  return [guard, parse, hide];
}

/** Asked again after each await. */
function isGone(response: Response): boolean {
  return response.destroyed;
}

function maxBodyBytes(files: number, maxUploadBytes: number): number {
  return 2 * maxMultipartFieldBytes + files * maxUploadBytes + (files + 2) * maxPartOverheadBytes;
}

function assertContentLength(request: Request, files: number, maxUploadBytes: number): void {
  const sizeBytes = contentLength(request) ?? 0;
  if (sizeBytes > maxBodyBytes(files, maxUploadBytes)) {
    throw new SemblanceError(
      'IMAGE_TOO_LARGE',
      `A file may have at most ${maxUploadBytes} bytes; the request has ${sizeBytes}`,
    );
  }
}

/** Answers the number of files. */
function checkHead({ operations, map }: MultipartHead): number {
  const operation = parseObject('operations', operations);
  if (typeof operation['query'] !== 'string')
    throw invalidArgument('operations.query', 'a GraphQL document', undefined);
  const files = Object.entries(parseObject('map', map));
  const seen = new Set<string>();
  for (const [name, paths] of files) {
    if (!Array.isArray(paths) || paths.length === 0) throw invalidArgument(`map.${name}`, 'a list of paths', paths);
    for (const path of paths as readonly unknown[]) {
      if (typeof path !== 'string' || !isVariablePath(path)) {
        throw invalidArgument(`map.${name}`, 'paths such as variables.file', path);
      }
      if (seen.has(path)) throw invalidArgument(`map.${name}`, 'each path once', path);
      // Of all files together: each path is an image to embed.
      if (seen.size === maxFilesPerRequest) {
        throw new SemblanceError('BAD_USER_INPUT', `The map of the request has more than ${maxFilesPerRequest} paths`);
      }
      seen.add(path);
    }
  }
  return files.length;
}

function isVariablePath(path: string): boolean {
  // The length first: splitting a path of thousands of steps is part of what is refused here.
  if (path.length > maxMultipartPathSteps * 64) return false;
  const [root, ...steps] = path.split('.');
  return (
    root === 'variables' &&
    steps.length >= 1 &&
    steps.length < maxMultipartPathSteps &&
    steps.every((step) => /^(\d{1,4}|[A-Za-z_]\w*)$/.test(step) && step !== '__proto__')
  );
}

function parseObject(name: string, json: string): Readonly<Record<string, unknown>> {
  assertJsonDepth(Buffer.from(json));
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw invalidArgument(name, 'a JSON object', json);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidArgument(name, 'a JSON object', value);
  return value as Readonly<Record<string, unknown>>;
}
