import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ConfigurationError, messageOf } from '../../errors.js';
import { detectMediaType } from '../../image/detect.js';
import { imageIdOf, sha256Hex } from '../../image/identity.js';
import { embeddingDimensions, greySidePixels, minEmbeddingNorm } from '../../limits.js';
import type { StoredImage, StoredSpace, StoredVector } from '../../store/gallery-archive.js';

/** A named piece of an archive: a file of a folder, or an entry of a tar file. */
export interface ArchiveEntry {
  readonly path: string;
  readonly bytes: Buffer;
}

/** What a gallery is written to, in this order: `galleryPath`, the files of each image by id, `endPath`. */
export interface ArchiveWriter {
  add(entry: ArchiveEntry): Promise<void>;
  /** Only then does anything bear the archive's name. */
  finish(): Promise<void>;
  /** Removes what was written. Nothing after `finish`. */
  discard(): Promise<void>;
}

export const galleryPath = 'gallery.json';
export const endPath = 'end.json';
export const imageFiles = ['image.json', 'original', 'thumbnail.webp', 'grey', 'vectors'] as const;
export type ImageFile = (typeof imageFiles)[number];

/** Read as a whole. What a database stores as one value is below a gigabyte. */
export const maxEntryBytes = 1_100_000_000;

const formatName = 'semblance-gallery';
const formatVersion = 1;

/** The archive is cut, altered, or no archive. */
export function damaged(what: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    `The archive cannot be used: ${what}. Nothing was stored; use an archive that is whole.`,
    { cause },
  );
}

/** SHA-256 over name and content of all entries, so that no byte of an archive can change unnoticed. */
export class ArchiveDigest {
  readonly #hash = createHash('sha256');

  add({ path, bytes }: ArchiveEntry): void {
    this.#hash.update(`${sha256Hex(bytes)} ${path}\n`);
  }

  get hex(): string {
    return this.#hash.copy().digest('hex');
  }
}

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

const gallerySchema = z.object({
  format: z.literal(formatName),
  version: z.int(),
  spaces: z.array(
    z.object({
      name: z.string().min(1),
      model: z.string().min(1),
      modelSha256: hex64,
      preprocessingSha256: hex64,
      dimensions: z.int().min(1).max(embeddingDimensions),
      state: z.enum(['building', 'ready', 'active', 'retired']),
      fitted: z.unknown().optional(),
      scorers: z.array(z.object({ kind: z.enum(['heuristic', 'labels']), scorer: z.unknown() })),
    }),
  ),
});

export type ArchivedSpace = z.infer<typeof gallerySchema>['spaces'][number];

const endSchema = z.object({ images: z.int().min(0), sha256: hex64 });

const norm = z.number().gt(minEmbeddingNorm);
const share = z.number().min(0).max(1.0001);

const imageSchema = z.object({
  id: z.uuid(),
  sha256: hex64,
  filename: z.string(),
  mediaType: z.enum(['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif', 'image/tiff']),
  width: z.int().min(1),
  height: z.int().min(1),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: z.iso.datetime(),
  /** Their vectors stand in `vectors`, one behind the other, those of the regions last. */
  embeddings: z.array(z.object({ space: z.string(), norm })),
  regions: z.array(
    z.object({ space: z.string(), norm, number: z.int().min(0), x: share, y: share, width: share, height: share }),
  ),
});

export function encodeGallery(spaces: readonly StoredSpace[]): ArchiveEntry {
  const written = spaces.map(({ id: _, ...space }) => space);
  return jsonEntry(galleryPath, { format: formatName, version: formatVersion, spaces: written });
}

/** Whether a file of that name is ours, whatever version: photo albums have a gallery.json, too. */
export function isGalleryStart(bytes: Buffer): boolean {
  return bytes.toString('latin1').startsWith(`{\n "format": "${formatName}",`);
}

/** @throws ConfigurationError */
export function decodeGallery({ path, bytes }: ArchiveEntry): readonly ArchivedSpace[] {
  if (path !== galleryPath) throw damaged(`it begins with ${JSON.stringify(path)} instead of ${galleryPath}`);
  const { version, spaces } = parseJson(gallerySchema, { path, bytes });
  if (version === formatVersion) return spaces;
  throw new ConfigurationError(
    `The archive is of format ${version}, and this program reads format ${formatVersion}: use the version of Semblance that wrote it, or a newer one.`,
  );
}

export function encodeEnd(end: z.infer<typeof endSchema>): ArchiveEntry {
  return jsonEntry(endPath, end);
}

/** @throws ConfigurationError */
export function decodeEnd(entry: ArchiveEntry): z.infer<typeof endSchema> {
  return parseJson(endSchema, entry);
}

export function encodeImage(image: StoredImage, spaceName: (id: number) => string): readonly ArchiveEntry[] {
  const { id, sha256, filename, mediaType, width, height, metadata, createdAt } = image.record;
  const facts: z.infer<typeof imageSchema> = {
    id,
    sha256,
    filename,
    mediaType,
    width,
    height,
    metadata,
    createdAt: createdAt.toISOString(),
    embeddings: image.embeddings.map(({ spaceId, norm: length }) => ({ space: spaceName(spaceId), norm: length })),
    regions: image.regions.map(({ spaceId, norm: length, number, region }) => ({
      space: spaceName(spaceId),
      norm: length,
      number,
      ...region,
    })),
  };
  const files: Readonly<Record<ImageFile, Buffer | null>> = {
    'image.json': Buffer.from(JSON.stringify(facts)),
    original: image.original,
    'thumbnail.webp': image.thumbnail,
    grey: image.grey,
    vectors: Buffer.concat([...image.embeddings, ...image.regions].map(({ unit }) => unit)),
  };
  return imageFiles.flatMap((name) => {
    const bytes = files[name];
    return bytes === null ? [] : [{ path: `images/${id}/${name}`, bytes }];
  });
}

/** Of `images/<id>/<file>`. @throws ConfigurationError */
export function parseImagePath(path: string): { readonly id: string; readonly file: ImageFile } {
  const [, id, name] = /^images\/([0-9a-f-]{36})\/([a-z.]+)$/.exec(path) ?? [];
  const file = imageFiles.find((known) => known === name);
  if (id === undefined || file === undefined)
    throw damaged(`it holds ${JSON.stringify(path)}, which is none of its files`);
  return { id, file };
}

export interface SpaceOfArchive {
  readonly id: number;
  readonly dimensions: number;
}

/**
 * @param spaces where the vectors of a space go, by its name
 * @throws ConfigurationError where a file is missing or contradicts another
 */
export function decodeImage(
  id: string,
  files: ReadonlyMap<ImageFile, Buffer>,
  spaces: ReadonlyMap<string, SpaceOfArchive>,
): StoredImage {
  const wrong = (what: string, cause?: unknown) => damaged(`of the image ${id} ${what}`, cause);
  const required = (file: ImageFile): Buffer => {
    const bytes = files.get(file);
    if (bytes === undefined) throw wrong(`the file ${file} is missing`);
    return bytes;
  };
  const facts = parseJson(imageSchema, { path: `images/${id}/image.json`, bytes: required('image.json') });
  const original = required('original');
  const sha256 = sha256Hex(original);
  if (facts.id !== id || facts.sha256 !== sha256 || imageIdOf(sha256) !== id)
    throw wrong('the original is another file');
  try {
    if (detectMediaType(original) !== facts.mediaType) throw new Error('it is of another type');
  } catch (error) {
    throw wrong(`the original is not ${facts.mediaType}`, error);
  }
  const thumbnail = required('thumbnail.webp');
  if (thumbnail.toString('latin1', 8, 12) !== 'WEBP') throw wrong('the thumbnail is no WebP');
  const grey = files.get('grey') ?? null;
  if (grey !== null && grey.length !== greySidePixels ** 2) throw wrong('the grey rendition has another size');

  let at = 0;
  const vectors = required('vectors');
  const next = ({ space, norm: length }: { readonly space: string; readonly norm: number }): StoredVector => {
    const found = spaces.get(space);
    if (found === undefined) throw wrong(`a vector belongs to ${JSON.stringify(space)}, which is none of its spaces`);
    const unit = vectors.subarray(at, at + 4 * found.dimensions);
    at += unit.length;
    if (unit.length !== 4 * found.dimensions) throw wrong('vectors are missing');
    return { spaceId: found.id, norm: length, unit };
  };
  const embeddings = facts.embeddings.map(next);
  const regions = facts.regions.map(({ number, x, y, width, height, ...vector }) => ({
    ...next(vector),
    number,
    region: { x, y, width, height },
  }));
  if (at !== vectors.length) throw wrong('there are more vectors than it names');
  const { filename, mediaType, width, height, metadata } = facts;
  const createdAt = new Date(facts.createdAt);
  const record = { id, sha256, filename, mediaType, width, height, byteSize: original.length, metadata, createdAt };
  return { record, original, thumbnail, grey, embeddings, regions };
}

function jsonEntry(path: string, value: unknown): ArchiveEntry {
  return { path, bytes: Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`) };
}

function parseJson<T>(schema: z.ZodType<T>, { path, bytes }: ArchiveEntry): T {
  try {
    return schema.parse(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    const detail = issue === undefined ? messageOf(error) : `${issue.path.join('.')}: ${issue.message}`;
    throw damaged(`${path} cannot be read (${detail})`, error);
  }
}
