import eslint from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/**
 * The folders of src, as docs/architecture.md lists them: each imports from itself and from those above it. app.ts puts
 * them together for the command line, server.ts with HTTP for a server; the tests use both.
 */
const layers = [
  'base',
  'math',
  'pixels',
  'models',
  'database',
  'access',
  'jobs',
  'methods',
  'spaces',
  'images',
  'search',
  'evaluate',
  'api',
  'http',
  'app.ts',
  'server.ts',
  'cli',
  'program.ts',
  'main.ts',
];

const forbidden = layers.slice(0, -1).map((layer, index) => ({
  target: `./src/${layer}`,
  from: layers.slice(index + 1).map((lower) => `./src/${lower}`),
  message: 'A folder imports from those above it alone: see docs/architecture.md.',
}));

/** Packages that one place alone may load. Types of the driver go everywhere where there is SQL. */
const owned = [
  { group: ['sharp', 'libheif-js'], owner: 'src/pixels/**/*.ts' },
  { group: ['onnxruntime-node', 'onnxruntime-common'], owner: 'src/models/session/session.ts' },
  { group: ['@prisma/*', '@electric-sql/*'], owner: 'src/database/**/*.ts' },
  { group: ['pg'], owner: 'src/database/**/*.ts', allowTypeImports: true },
  { group: ['pino'], owner: 'src/base/log.ts' },
  { group: ['prom-client'], owner: 'src/http/metrics.ts' },
  { group: ['undici'], owner: 'src/models/hub/hub.ts' },
  { group: ['jose', 'rate-limiter-flexible'], owner: 'src/access/**/*.ts' },
];

const restrict = (packages) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      patterns: packages.map(({ group, owner, allowTypeImports = false }) => ({
        group,
        allowTypeImports,
        message: `Only ${owner} imports it.`,
      })),
    },
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
    // Without the extension no-cycle follows no import.
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()], 'import-x/extensions': ['.ts'] },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: forbidden }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/base/config.ts reads the environment.' },
      ],
    },
  },
  // It joins the statements of all features into the interface Store, and goes once they take the pool themselves.
  { files: ['src/database/connected-store.ts'], rules: { 'import-x/no-restricted-paths': 'off' } },
  // type-graphql's classes describe shapes; what resolvers answer has the shape.
  {
    files: ['src/api/**/*.ts', 'src/*/graphql/*.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' },
  },
  // Numeric kernels: loops keep indices of typed arrays in bounds; a fallback value per read would hide one that is not.
  {
    files: ['src/math/**/*.ts', 'src/evaluate/**/*.ts', 'src/methods/**/*.ts', 'src/pixels/luma.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['src/program.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['src/**/*.ts'], rules: restrict(owned) },
  ...owned.map(({ owner }) => ({ files: [owner], rules: restrict(owned.filter((other) => other.owner !== owner)) })),
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
