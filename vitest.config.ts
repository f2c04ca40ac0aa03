import { defineConfig } from 'vitest/config';
import { canTestElectron } from './scripts/setup/electron.mjs';

/** Two cores carry the backends, the services and the generator: tests of live backends run one file at a time. */
const oneAtATime = {
  pool: 'forks',
  maxWorkers: 1,
  fileParallelism: false,
  // Of tests that say they can: as many as there are cores.
  maxConcurrency: 2,
  // CI's machine is shared: one stall must not fail a run. The report names what was retried.
  retry: process.env['CI'] ? 1 : 0,
  // What is polled for comes in its own time, on a busy machine too.
  expect: { poll: { timeout: 10_000 } },
} as const;

/** The built and the packaged app in a real Electron, on a display of its own. */
const electron = {
  test: {
    name: 'electron',
    include: ['tests/electron/**/*.test.ts', 'tests/packaging.test.ts'],
    globalSetup: ['tests/electron/support/global-setup.ts'],
    ...oneAtATime,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { groupOrder: 4 },
  },
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{contract,control,electron,cli,web,services,renderer,scripts}/**/*.test.{ts,tsx}',
            'tests/structure/**/*.test.ts',
            'tests/bench/stats.test.ts',
          ],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/{structure,bench,renderer,docker,electron,last}/**', 'tests/packaging.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          ...oneAtATime,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          // The page in Chromium, on the built app.
          name: 'ui',
          include: ['tests/renderer/**/*.test.ts'],
          ...oneAtATime,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'docker',
          include: ['tests/docker/**/*.test.ts'],
          globalSetup: ['tests/docker/support/global-setup.ts'],
          ...oneAtATime,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      ...(canTestElectron ? [electron] : []),
      {
        test: {
          // Last and alone: it measures a ratio, and must have the machine to itself.
          name: 'speed',
          include: ['tests/bench/guard.test.ts'],
          ...oneAtATime,
          sequence: { groupOrder: 5 },
        },
      },
      {
        test: {
          // What all the others together must have done.
          name: 'last',
          include: ['tests/last/**/*.test.ts'],
          ...oneAtATime,
          sequence: { groupOrder: 6 },
        },
      },
    ],
  },
});
