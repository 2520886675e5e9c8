// Writes web/src/generated/graphql.ts from schema.graphql and the page's .graphql documents, with graphql-codegen's
// client preset. `npm run build:web` runs it. Its command line is left out: it brings some 250 packages, most of them to
// fetch schemas from elsewhere.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { codegen } from '@graphql-codegen/core';
import { preset } from '@graphql-codegen/client-preset';
import { buildASTSchema, parse, Source } from 'graphql';

const root = resolve(import.meta.dirname, '..');
const sources = join(root, 'web', 'src');
const schemaAst = buildASTSchema(parse(await readFile(join(root, 'schema.graphql'), 'utf8')));

const files = (await readdir(sources, { recursive: true })).filter((name) => name.endsWith('.graphql')).sort();
const documents = await Promise.all(
  files.map(async (name) => {
    const location = join(sources, name);
    const rawSDL = await readFile(location, 'utf8');
    return { location, rawSDL, document: parse(new Source(rawSDL, `web/src/${name}`)) };
  }),
);

const sections = await preset.buildGeneratesSection({
  baseOutputDir: `${join(sources, 'generated')}/`,
  schema: parse(await readFile(join(root, 'schema.graphql'), 'utf8')),
  schemaAst,
  documents,
  plugins: [],
  pluginMap: {},
  config: {
    scalars: { DateTime: 'string', JSON: 'unknown', Upload: 'File' },
    strictScalars: true,
    useTypeImports: true,
    immutableTypes: true,
    enumType: 'string-literal',
  },
  // Fragments are read where they are spread; nothing is imported through `graphql()`, whose map would hold every
  // document in every bundle.
  presetConfig: { fragmentMasking: false },
});

try {
  for (const section of sections.filter(({ filename }) => filename.endsWith('/graphql.ts'))) {
    const text = await codegen({ ...section, schemaAst });
    await mkdir(dirname(section.filename), { recursive: true });
    // Unchanged, it keeps its time: a development server would reload for nothing.
    if ((await readFile(section.filename, 'utf8').catch(() => '')) !== text) await writeFile(section.filename, text);
  }
} catch (error) {
  process.stderr.write(`The page's queries do not fit schema.graphql: ${error.message}\n`);
  process.exitCode = 1;
}
