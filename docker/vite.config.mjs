/**
 * Bundles gateway, worker and migrations into one file each, so that the image needs no node_modules.
 * `npx vite build --config docker/vite.config.mjs` writes out/services.
 */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';

const root = resolve(import.meta.dirname, '..');

export default defineConfig({
  root,
  publicDir: false,
  // An external package would have to be installed in the image.
  ssr: { noExternal: true, target: 'node' },
  build: {
    ssr: true,
    target: 'node20.19',
    outDir: resolve(root, 'out/services'),
    emptyOutDir: true,
    rolldownOptions: {
      input: {
        gateway: resolve(root, 'services/gateway/main.ts'),
        worker: resolve(root, 'services/worker/main.ts'),
        migrate: resolve(root, 'services/migrate/main.ts'),
      },
      output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[name]-[hash].mjs' },
    },
  },
});
