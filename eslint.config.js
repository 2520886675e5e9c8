import eslint from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/**
 * The rows of docs/architecture.md: a folder of src imports from rows above its own and from itself, never sideways and
 * never downwards.
 */
const rows = [
  [
    'errors.ts',
    'limits.ts',
    'config.ts',
    'describe-config.ts',
    'paths.ts',
    'printable.ts',
    'redact.ts',
    'log.ts',
    'threads.ts',
  ],
  ['math', 'image'],
  ['embedding', 'store', 'evaluation'],
  ['retrieval'],
  ['operations'],
  ['graphql', 'http'],
  ['app.ts'],
  ['cli'],
  ['program.ts'],
  ['main.ts'],
];

const forbidden = rows.flatMap((row, index) =>
  row
    .filter((name) => index > 0 || !name.endsWith('.ts'))
    .map((name) => ({
      target: `./src/${name}`,
      from: rows
        .slice(index)
        .flat()
        .filter((other) => other !== name)
        .map((other) => `./src/${other}`),
      message: 'A folder imports only from rows above its own: see docs/architecture.md.',
    }))
    .filter(({ from }) => from.length > 0),
);

/** Packages that one place alone may import. */
const owned = [
  { group: ['sharp', 'libheif-js'], owner: 'src/pixels/**/*.ts' },
  { group: ['onnxruntime-node', 'onnxruntime-common'], owner: 'src/models/session.ts' },
  { group: ['pg', '@prisma/*', '@electric-sql/*'], owner: 'src/database/**/*.ts' },
  { group: ['pino'], owner: 'src/log.ts' },
  { group: ['prom-client'], owner: 'src/http/metrics*.ts' },
  { group: ['undici'], owner: 'src/models/hub.ts' },
  { group: ['jose', 'rate-limiter-flexible'], owner: 'src/access/**/*.ts' },
];

const restrict = (packages) => ({
  'no-restricted-imports': [
    'error',
    { patterns: packages.map(({ group, owner }) => ({ group, message: `Only ${owner} imports it.` })) },
  ],
});

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'data/',
      'coverage/',
      'src/database/generated/',
      'web/src/generated/',
      'node_modules/',
      'training/',
      'bench/.cache/',
      '**/*.min.js',
    ],
  },
  eslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
  },
  { files: ['web/src/**/*.{ts,tsx}'], extends: [reactHooks.configs.flat.recommended] },
  {
    files: ['src/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: forbidden }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config.ts reads the environment.' },
      ],
    },
  },
  // type-graphql's classes describe shapes; what resolvers answer has the shape.
  { files: ['src/api/**/*.ts'], rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' } },
  // Numeric kernels: loops keep indices of typed arrays in bounds; a fallback value per read would hide one that is not.
  {
    files: [
      'src/math/**/*.ts',
      'src/evaluate/**/*.ts',
      'src/evaluate/**/*.ts',
      'src/retrieval/**/*.ts',
      'src/pixels/luma.ts',
    ],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['src/program.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['src/**/*.ts'], rules: restrict(owned) },
  ...owned.map((mine) => ({ files: [mine.owner], rules: restrict(owned.filter((other) => other !== mine)) })),
  {
    files: ['**/*.{ts,tsx}'],
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  // A benchmark that meets nothing where something must be may end with an exception.
  { files: ['bench/**/*.ts'], rules: { '@typescript-eslint/no-non-null-assertion': 'off' } },
);
