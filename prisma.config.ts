import { defineConfig } from 'prisma/config';

// The client's own migrate backend is a download; FlashGrid applies the same files itself
// (services/shared/migrations.ts). This file only tells `prisma` where things are.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['FLASHGRID_POSTGRES_URL'] ?? 'postgresql://localhost:5432/flashgrid' },
});
