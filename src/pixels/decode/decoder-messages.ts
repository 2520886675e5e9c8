import { z } from 'zod';
import { SemblanceError } from '../../base/errors.js';
import { mediaTypes } from './decoded-image.js';

/** To a decoder process, followed by the file. */
export const decodeOrder = z.object({
  mediaType: z.enum(mediaTypes),
  maxPixels: z.int().positive(),
  sizeBytes: z.int().nonnegative(),
});

export type DecodeOrder = z.infer<typeof decodeOrder>;

/** What a file can be refused with once it is in a decoder process. */
const decodeRefusals = ['IMAGE_TOO_LARGE', 'INVALID_IMAGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;

/** Whether it is the file that was refused. A stored one may be, too, that an earlier version or another setting took. */
export function isDecodeRefusal(
  error: unknown,
): error is SemblanceError & { readonly code: (typeof decodeRefusals)[number] } {
  return error instanceof SemblanceError && decodeRefusals.some((code) => code === error.code);
}

const size = z.int().positive();
/** Whether the process can decode nothing more and is to be ended. */
const isLast = z.boolean();

/** From it. A process that a file took over may write what it likes: nothing else is believed. */
export const decodeAnswer = z.discriminatedUnion('kind', [
  /** The whole file arrived: if the process ends now, it is the file's doing. */
  z.object({ kind: z.literal('began'), sizeBytes: z.literal(0) }),
  /** Before `decoded`, where DecodedImage has such pixels. In a frame of its own: to cut one in two would take its memory twice. */
  z.object({ kind: z.literal('contrasted'), sizeBytes: size }),
  /** Followed by the pixels, as in DecodedImage. */
  z
    .object({ kind: z.literal('decoded'), width: size, height: size, isLast, sizeBytes: size })
    .refine(({ width, height, sizeBytes }) => sizeBytes === width * height * 3),
  z.object({
    kind: z.literal('refused'),
    code: z.enum(decodeRefusals),
    message: z.string().max(200),
    /** For the log. */
    cause: z.string(),
    isLast,
    sizeBytes: z.literal(0),
  }),
]);

export type DecodeAnswer = z.infer<typeof decodeAnswer>;
