import { ftruncateSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { getVariableValues, parse, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { Upload, WriteStream } from 'graphql-upload-ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGraphqlSchema } from '../../../../src/api/schema.js';
import { FileAtPath, withFile } from '../../../../src/base/graphql/uploaded-file.js';
import { hideInsides } from '../../../../src/http/hide-insides.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'semblance-uploaded-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** As graphql-upload-ts hands a file over whose bytes have all arrived. */
async function arrived(bytes: Buffer): Promise<{ readonly file: Upload['promise']; readonly capacitor: WriteStream }> {
  const capacitor = new WriteStream({ tmpdir: () => folder });
  capacitor.on('error', () => undefined);
  capacitor.end(bytes);
  await finished(capacitor, { cleanup: true });
  const upload = new Upload();
  upload.resolve({
    filename: 'a.jpg',
    fieldName: '0',
    mimetype: 'image/jpeg',
    encoding: '7bit',
    capacitor,
    createReadStream: (options) => capacitor.createReadStream(options),
  });
  return { file: upload.promise, capacitor };
}

async function readAll(file: Upload['promise']): Promise<Buffer> {
  return withFile(new FileAtPath(file), async ({ bytes }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  });
}

test('a file is read from its temporary file, which goes with it', async () => {
  const { file, capacitor } = await arrived(Buffer.from('picture'));
  expect((await readAll(file)).toString()).toBe('picture');
  expect(await readdir(folder)).toHaveLength(1);
  capacitor.release();
  await expect.poll(() => readdir(folder)).toEqual([]);
});

test('a file at several paths is worked on once at a time, also after a path where it failed', async () => {
  const { file, capacitor } = await arrived(Buffer.from('picture'));
  let working = 0;
  const work = async (fails: boolean): Promise<string> =>
    withFile(new FileAtPath(file), async ({ filename }) => {
      expect(++working).toBe(1);
      await new Promise(setImmediate);
      working--;
      if (fails) throw new Error('no picture');
      return filename;
    });
  const outcomes = await Promise.allSettled([work(false), work(true), work(false)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  capacitor.release();
});

test('a temporary file that a full disk cut short before it was opened ends its reader, who would look for the rest for ever', async () => {
  const { file, capacitor } = await arrived(Buffer.from('picture'));
  // A write to a disk with room for three bytes writes three, and fails only the next time.
  ftruncateSync(capacitor._fd ?? -1, 3);
  await expect(readAll(file)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  await expect.poll(() => readdir(folder)).toEqual([]);
});

describe('a file where none belongs', () => {
  let schema: GraphQLSchema;
  let refusalOf: (type: string, value: unknown) => string;
  beforeAll(async () => {
    schema = await buildGraphqlSchema();
    refusalOf = (type, value) => {
      const { definitions } = parse(`query ($v: ${type}) { status { version } }`);
      const { variableDefinitions = [] } = definitions[0] as OperationDefinitionNode;
      hideInsides(value);
      const { errors = [] } = getVariableValues(schema, variableDefinitions, { v: value });
      return errors.map(({ message }) => message).join('\n');
    };
  });

  const noJson = 'A file cannot stand where JSON is expected: the map of the request leads it there';
  const got = 'Variable "$v" got invalid value a file';
  test.each([
    ['JSON', `${got}; ${noJson}`],
    ['ID', `${got}; ID cannot represent value: a file`],
    ['Int', `${got}; Int cannot represent non-integer value: a file`],
    ['Rerank', `${got}; Enum "Rerank" cannot represent non-string value: a file.`],
    ['DateTime', 'a file'],
    ['ImageFilter', `${got}; Field "file" is not defined by type "ImageFilter".`],
  ])('as %s is told without its insides, arrived or not', async (type, message) => {
    const { file, capacitor } = await arrived(Buffer.from('picture'));
    const awaited = new Upload();
    hideInsides(awaited);
    expect(refusalOf(type, awaited)).toContain(message);
    awaited.resolve(await file);
    const refusal = refusalOf(type, awaited);
    expect(refusal).toContain(message);
    expect(refusal).not.toMatch(/_resolve|promise|createReadStream|filename/);
    expect((await awaited.promise).filename).toBe('a.jpg');
    capacitor.release();
  });

  test('is told so within other values, too, and at two paths', () => {
    const upload = new Upload();
    expect(refusalOf('JSON', { notes: [upload], more: upload })).toBe(
      `Variable "$v" got invalid value { notes: [a file], more: a file }; ${noJson}`,
    );
    expect(refusalOf('ImageFilter', { metadata: upload })).toBe(
      `Variable "$v" got invalid value a file at "v.metadata"; ${noJson}`,
    );
    expect(refusalOf('Int', new FileAtPath(upload.promise))).toMatch(/: a file$/);
  });
});
