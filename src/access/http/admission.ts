import type { Request, RequestHandler, Response } from 'express';
import type { Config } from '../../base/config.js';
import {
  defaultAnswerBytesInWork,
  maxImageBytesInWork,
  maxOperationRequests,
  maxOperationRequestsOfOne,
  maxTemporaryBytes,
  maxUploadRequests,
  maxUploadRequestsOfOne,
} from '../../base/limits.js';
import { ByteBudget } from '../../base/concurrency/byte-budget.js';
import { Places, type Place } from '../places.js';
import { callerOf } from './guards.js';

/** What bounds the requests in work, so that who is let in has a bounded number of others before it, in bounded memory. */
export interface Admission {
  /** With files: before any of the body is read, which would cost the accepted their time. */
  readonly uploads: Places;
  /** Without files: once the small body is there, so that a slow client holds no place while it sends. */
  readonly operations: Places;
  /** Files that arrive, on the disk. */
  readonly temporary: ByteBudget;
  /** Images that clients have not read to their end, in memory. */
  readonly images: ByteBudget;
  /** GraphQL answers that are made, or that clients have not read to their end, in memory. */
  readonly answers: ByteBudget;
}

/** One caller gets a share of each, where there are several callers: whoever may do everything without credentials is one. */
export function openAdmission({
  anonymousAccess,
  answerBytesInWork = defaultAnswerBytesInWork,
}: Pick<Config, 'anonymousAccess'> & Partial<Pick<Config, 'answerBytesInWork'>>): Admission {
  const shared = anonymousAccess !== 'admin';
  const of = (all: number, ofOne: number) => ({ all, ofOne: shared ? ofOne : all });
  const ofBytes = (maxBytes: number) => ({ maxBytes, maxBytesOfOne: shared ? maxBytes / 2 : maxBytes });
  return {
    uploads: new Places({
      ...of(maxUploadRequests, maxUploadRequestsOfOne),
      what: 'uploads and searches by upload',
    }),
    operations: new Places({ ...of(maxOperationRequests, maxOperationRequestsOfOne), what: 'operations' }),
    temporary: new ByteBudget({ ...ofBytes(maxTemporaryBytes), what: 'uploads that are arriving' }),
    images: new ByteBudget({ ...ofBytes(maxImageBytesInWork), what: 'images that are being sent' }),
    answers: new ByteBudget({ ...ofBytes(answerBytesInWork), what: 'answers of this size' }),
  };
}

/** Refuses those of the requests it concerns that find no place. */
export function admit(places: Places, concerns: (request: Request) => boolean): RequestHandler {
  return (request, response, next) => {
    if (!concerns(request)) {
      next();
      return;
    }
    // Its client left while it was asked who it is: nothing would say when it ends.
    if (response.destroyed) return;
    const place = places.take(callerOf(response).id);
    (response.locals as Locals).place = place;
    response.once('close', () => {
      place.leave();
    });
    next();
  };
}

interface Locals {
  place?: Place;
}

/** Undefined for a request that was not let in, or not yet. */
export function placeOf({ locals }: Response): Place | undefined {
  return (locals as Locals).place;
}
