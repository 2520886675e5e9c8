import { defineConfig } from 'prisma/config';

// `prisma generate` asks for an engine binary that it never runs, and would download it from a host that closed networks
// lack. Any executable satisfies it. `prisma migrate` and `prisma db` would hang: src/database/setup/migrate.ts applies migrations.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
