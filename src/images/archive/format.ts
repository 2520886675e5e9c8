import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import type { MediaType } from '../../pixels/decode/decoded-image.js';
import { detectMediaType } from '../../pixels/decode/detect.js';
import { imageIdOf, sha256Hex } from '../../base/identity.js';
import { mayBeTransparent, type Transparency } from '../../pixels/transparency.js';
import { embeddingDimensions, greySidePixels, minEmbeddingNorm } from '../../base/limits.js';
import type { StoredImage, StoredSpace, StoredVector } from './archive-sql.js';
import { metadataTextOf } from '../sql/image-rows.js';
import type { Metadata } from '../../database/types.js';
import { checkMetadata } from '../../base/arguments.js';
import { assertJsonDepth } from '../../base/json/json-depth.js';
import { findNotKept, notKept } from '../../base/json/json-numbers.js';

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

const maxReasonCharacters = 300;

/** An image or a space of an archive that Semblance would not have stored, whether or not the archive is whole. */
export class InvalidEntryError extends ConfigurationError {
  /** In a sentence without its full stop. */
  readonly reason: string;

  /** @param entry what it is, in words: `the image …` */
  constructor(
    readonly entry: string,
    reason: string,
    options?: { readonly cause?: unknown },
  ) {
    const line = reason.replaceAll(/\s+/g, ' ');
    const cut = line.length <= maxReasonCharacters ? line : `${line.slice(0, maxReasonCharacters)}…`;
    super(
      `The archive cannot be used: ${entry} is not valid: ${cut}. Nothing was stored; \`semblance import-archive --skip-invalid\` leaves out what is not valid and stores the rest.`,
      options,
    );
    this.reason = cut;
  }
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
  /** How grey renditions show what is transparent. Versions that knew white alone did not say so, and do not mind it. */
  greyTransparency: z.string().optional(),
  spaces: z.array(z.unknown()),
});

const greyTransparency: Transparency = 'contrast';

const spaceSchema = z.object({
  name: z.string().min(1),
  model: z.string().min(1),
  modelSha256: hex64,
  preprocessingSha256: hex64,
  dimensions: z.int().min(1).max(embeddingDimensions),
  state: z.enum(['building', 'ready', 'active', 'retired']),
  fitted: z.unknown().optional(),
  scorers: z.array(z.object({ kind: z.enum(['heuristic', 'labels']), scorer: z.unknown() })),
});

export type ArchivedSpace = z.infer<typeof spaceSchema>;

export interface ArchivedGallery {
  readonly spaces: readonly ArchivedSpace[];
  /** Whether grey renditions show what is transparent as makeGrey does. */
  readonly greysAreCurrent: boolean;
}

const endSchema = z.object({ images: z.int().min(0), sha256: hex64 });

/** A column of type real. */
const norm = z.number().gt(minEmbeddingNorm).max(3.4e38);
const share = z.number().min(0).max(1.0001);
const regionSchema = z
  .object({ space: z.string(), norm, number: z.int().min(0).max(999), x: share, y: share, width: share, height: share })
  .refine(({ x, y, width, height }) => width > 0 && height > 0 && x + width <= 1.0001 && y + height <= 1.0001, {
    error: 'a part inside the image',
  });

const imageSchema = z.object({
  id: z.uuid(),
  sha256: hex64,
  filename: z.string(),
  mediaType: z.string(),
  width: z.int().min(1),
  height: z.int().min(1),
  metadata: z.unknown(),
  createdAt: z.iso.datetime().refine((text) => Date.parse(text) >= 0, { error: 'a time after 1970' }),
  /** Their vectors stand in `vectors`, one behind the other, those of the regions last. */
  embeddings: z
    .array(z.object({ space: z.string(), norm }))
    .refine((vectors) => areDifferent(vectors.map(({ space }) => space)), {
      error: 'one vector for each space',
    }),
  regions: z
    .array(regionSchema)
    .refine((vectors) => areDifferent(vectors.map(({ space, number }) => `${number} ${space}`)), {
      error: 'one vector for each number of a region',
    }),
});

function areDifferent(keys: readonly string[]): boolean {
  return new Set(keys).size === keys.length;
}

export function encodeGallery(spaces: readonly StoredSpace[]): ArchiveEntry {
  const written = spaces.map(({ id: _, ...space }) => space);
  return jsonEntry(galleryPath, { format: formatName, version: formatVersion, greyTransparency, spaces: written });
}

/** Whether a file of that name is ours, whatever version: photo albums have a gallery.json, too. */
export function isGalleryStart(bytes: Buffer): boolean {
  return bytes.toString('latin1').startsWith(`{\n "format": "${formatName}",`);
}

/**
 * @param onInvalid is given each space that cannot be read
 * @throws ConfigurationError
 */
export function decodeGallery(
  { path, bytes }: ArchiveEntry,
  onInvalid: (error: InvalidEntryError) => void,
): ArchivedGallery {
  if (path !== galleryPath) throw damaged(`it begins with ${JSON.stringify(path)} instead of ${galleryPath}`);
  const { version, spaces: written, greyTransparency: shown } = parseJson(gallerySchema, { path, bytes });
  if (version !== formatVersion) {
    throw new ConfigurationError(
      `The archive is of format ${version}, and this program reads format ${formatVersion}: use the version of Semblance that wrote it, or a newer one.`,
    );
  }
  const spaces = written.flatMap((json, index) => {
    const space = spaceSchema.safeParse(json);
    if (space.success) return [space.data];
    onInvalid(
      new InvalidEntryError(`the embedding space ${index + 1}`, describeIssue(space.error), { cause: space.error }),
    );
    return [];
  });
  return { spaces, greysAreCurrent: shown === greyTransparency };
}

export function encodeEnd(end: z.infer<typeof endSchema>): ArchiveEntry {
  return jsonEntry(endPath, end);
}

/** @throws ConfigurationError */
export function decodeEnd(entry: ArchiveEntry): z.infer<typeof endSchema> {
  return parseJson(endSchema, entry);
}

export function encodeImage(image: StoredImage, spaceName: (id: number) => string): readonly ArchiveEntry[] {
  const { id, sha256, filename, mediaType, width, height, createdAt } = image.record;
  const facts: Omit<z.infer<typeof imageSchema>, 'metadata'> = {
    id,
    sha256,
    filename,
    mediaType,
    width,
    height,
    createdAt: createdAt.toISOString(),
    embeddings: image.embeddings.map(({ spaceId, norm: length }) => ({ space: spaceName(spaceId), norm: length })),
    regions: image.regions.map(({ spaceId, norm: length, number, region }) => ({
      space: spaceName(spaceId),
      norm: length,
      number,
      ...region,
    })),
  };
  // The text that Postgres wrote is taken over: JavaScript would round numbers that SQL stored.
  const metadata = metadataTextOf(image.record) ?? JSON.stringify(image.record.metadata);
  const files: Readonly<Record<ImageFile, Buffer | null>> = {
    'image.json': Buffer.from(withField(facts, 'metadata', metadata)),
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

/** The JSON of an object with one more field, whose value is JSON already. */
function withField(object: Readonly<Record<string, unknown>>, name: string, json: string): string {
  const fields = Object.entries(object).map(([key, value]) => [key, JSON.stringify(value)] as const);
  return `{${[...fields, [name, json] as const].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}

/** Where an entry comes among those of an archive, as text to be compared; what belongs to none comes last. */
export function archiveOrder(path: string): string {
  if (path === galleryPath) return '0';
  const [, folder, name] = /^(images\/[^/]*)\/([^/]*)$/.exec(path) ?? [];
  const file = imageFiles.findIndex((known) => known === name);
  if (folder !== undefined && file >= 0) return `1 ${folder} ${file}`;
  return path === endPath ? '2' : '3';
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
  /** Undefined for one that is left out, and its vectors with it. */
  readonly id: number | undefined;
  readonly dimensions: number;
}

/**
 * The image is without its grey rendition where that may show what is transparent otherwise than makeGrey does: it is made when it is asked for.
 * @param spaces where the vectors of a space go, by its name
 * @throws InvalidEntryError where a file is missing or contradicts another
 */
export function decodeImage(
  id: string,
  files: ReadonlyMap<ImageFile, Buffer>,
  spaces: ReadonlyMap<string, SpaceOfArchive>,
  { greysAreCurrent }: Pick<ArchivedGallery, 'greysAreCurrent'>,
): StoredImage {
  const invalid = (reason: string, cause?: unknown) => new InvalidEntryError(`the image ${id}`, reason, { cause });
  const required = (file: ImageFile): Buffer => {
    const bytes = files.get(file);
    if (bytes === undefined) throw invalid(`the file ${file} is missing`);
    return bytes;
  };
  let facts: z.infer<typeof imageSchema>;
  try {
    facts = parseBounded(imageSchema, required('image.json'));
  } catch (error) {
    if (error instanceof InvalidEntryError) throw error;
    throw invalid(`image.json cannot be read (${describeIssue(error)})`, error);
  }
  const original = required('original');
  const sha256 = sha256Hex(original);
  if (facts.id !== id || facts.sha256 !== sha256 || imageIdOf(sha256) !== id)
    throw invalid('the original is another file');
  let mediaType: MediaType;
  try {
    mediaType = detectMediaType(original);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  if (mediaType !== facts.mediaType)
    throw invalid(`the original is ${mediaType}, not ${JSON.stringify(facts.mediaType)}`);
  const thumbnail = required('thumbnail.webp');
  const archivedGrey = files.get('grey') ?? null;
  if (archivedGrey !== null && archivedGrey.length !== greySidePixels ** 2)
    throw invalid('the grey rendition has another size');
  const grey = greysAreCurrent || !mayBeTransparent(mediaType) ? archivedGrey : null;

  let at = 0;
  const vectors = required('vectors');
  /** Empty for a space that is left out. */
  const next = (space: string, length: number): readonly StoredVector[] => {
    const found = spaces.get(space);
    if (found === undefined) throw invalid(`a vector belongs to ${JSON.stringify(space)}, which is none of its spaces`);
    const unit = vectors.subarray(at, at + 4 * found.dimensions);
    at += unit.length;
    if (unit.length !== 4 * found.dimensions) throw invalid('vectors are missing');
    if (!isUnit(unit)) throw invalid('a vector is not of length 1');
    return found.id === undefined ? [] : [{ spaceId: found.id, norm: length, unit }];
  };
  const embeddings = facts.embeddings.flatMap(({ space, norm: length }) => next(space, length));
  const regions = facts.regions.flatMap(({ space, norm: length, number, x, y, width, height }) =>
    next(space, length).map((vector) => ({ ...vector, number, region: { x, y, width, height } })),
  );
  if (at !== vectors.length) throw invalid('there are more vectors than it names');
  const { filename, width, height } = facts;
  const rounded = findNotKept(facts.metadata);
  if (rounded !== undefined) throw invalid(`metadata: ${notKept(rounded)}`);
  let metadata: Metadata;
  try {
    metadata = checkMetadata(facts.metadata);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  const createdAt = new Date(facts.createdAt);
  const record = { id, sha256, filename, mediaType, width, height, byteSize: original.length, metadata, createdAt };
  return { record, original, thumbnail, grey, embeddings, regions };
}

/** Of big-endian float32: finite, and of length 1 up to rounding. */
function isUnit(unit: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < unit.length; at += 4) sum += unit.readFloatBE(at) ** 2;
  return Math.abs(sum - 1) < 1e-3;
}

function jsonEntry(path: string, value: unknown): ArchiveEntry {
  return { path, bytes: Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`) };
}

function parseJson<T>(schema: z.ZodType<T>, { path, bytes }: ArchiveEntry): T {
  try {
    return parseBounded(schema, bytes);
  } catch (error) {
    throw damaged(`${path} cannot be read (${describeIssue(error)})`, error);
  }
}

/** What recurses over it later does not run out of stack. */
function parseBounded<T>(schema: z.ZodType<T>, json: Buffer): T {
  assertJsonDepth(json, 'file');
  return schema.parse(JSON.parse(json.toString('utf8')));
}

function describeIssue(error: unknown): string {
  const [issue] = error instanceof z.ZodError ? error.issues : [];
  return issue === undefined ? messageOf(error) : `${issue.path.join('.')}: ${issue.message}`;
}
