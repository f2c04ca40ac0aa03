import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { defineConfig } from 'electron-vite';
import react from '@vitejs/plugin-react';
import { commands, events } from './contract/contract.ts';

const root = import.meta.dirname;

/** Everything that runs in a Node process: the Electron main, the frontends and each child process. */
const nodeEntries = {
  main: resolve(root, 'electron/main.ts'),
  cli: resolve(root, 'cli/main.ts'),
  gateway: resolve(root, 'services/gateway/main.ts'),
  worker: resolve(root, 'services/worker/main.ts'),
  generator: resolve(root, 'control/attack/generator/main.ts'),
  links: resolve(root, 'control/faults/links/main.ts'),
  'stalling-server': resolve(root, 'control/selftest/main.ts'),
  reroute: resolve(root, 'control/faults/links/reroute.ts'),
  shop: resolve(root, 'services/baselines/shop.ts'),
};

/**
 * Packages that run from our own files. The others read files beside their own, or are seldom needed. `pg` and the adapter
 * that knows a pool of it by its class go together.
 */
const BUNDLED = [
  '@prisma/adapter-pg',
  'amqplib',
  'fastify',
  'ioredis',
  'pg',
  'pino',
  'prom-client',
  'socket.io',
  'ws',
  'zod',
];

/** `3f2a…`, with `-dirty` for what is not committed; empty without Git, or outside of a clone. */
const commit = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'], {
  cwd: root,
  encoding: 'utf8',
});

export default defineConfig({
  main: {
    define: { SOURCE_COMMIT: JSON.stringify(commit.status === 0 ? commit.stdout.trim() : '') },
    build: {
      // Node loads one file in place of hundreds: each service, and each command of the terminal, starts in two thirds of the time.
      externalizeDeps: { exclude: BUNDLED },
      outDir: 'out/main',
      target: 'node20.19',
      rolldownOptions: {
        input: nodeEntries,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    define: {
      CONTRACT_NAMES: JSON.stringify({ commands: Object.keys(commands), events: Object.keys(events) }),
    },
    build: {
      outDir: 'out/preload',
      rolldownOptions: {
        input: { preload: resolve(root, 'electron/preload.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(root, 'renderer'),
    plugins: [react()],
    build: {
      outDir: resolve(root, 'out/renderer'),
      minify: true,
      rolldownOptions: { input: { index: resolve(root, 'renderer/index.html') } },
    },
  },
});
