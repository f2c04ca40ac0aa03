import { defineConfig } from 'vitest/config';
import { canTestElectron } from './scripts/setup/electron.mjs';
import { Spread } from './tests/support/spread.ts';

const PAGE_COST = 'tests/renderer/page-cost.test.ts';
const FAULTS = 'tests/faults.test.ts';
const SPEED_VERDICT = 'tests/terminal/speed-verdict.test.ts';

/** What is waited for comes in its own time, on a busy machine too. */
const patient = { setupFiles: ['tests/support/patience.ts'], expect: { poll: { timeout: 10_000 } } };

/** Tests of real processes wait more than they work: two files at a time keep two cores busy. */
const live = {
  ...patient,
  pool: 'forks',
  maxWorkers: 2,
  // Of tests that say they can: as many as there are cores.
  maxConcurrency: 2,
  // CI's machine is shared: one stall must not fail a run. The report names what was retried.
  retry: process.env['CI'] ? 1 : 0,
  // For what hangs; a slow machine is no failure.
  testTimeout: 120_000,
  hookTimeout: 120_000,
  sequence: { groupOrder: 1 },
} as const;

/** Beside files of other projects, but never beside each other. */
const oneAtATime = { ...live, setupFiles: [...patient.setupFiles, 'tests/support/one-at-a-time.ts'] };

/** After the others, since they need a machine that is not busy: what goes by the clock, and presses real keys on a display. */
const calm = { sequence: { groupOrder: 2 } } as const;

/** Last, and with the machine to itself: what measures a ratio. */
const alone = { ...live, maxWorkers: 1, sequence: { groupOrder: 3 } } as const;

/** The built and the packaged app in a real Electron. */
const electron = {
  test: {
    name: 'electron',
    include: ['tests/electron/**/*.test.ts', 'tests/packaging.test.ts'],
    globalSetup: ['tests/electron/support/global-setup.ts'],
    ...oneAtATime,
    ...calm,
  },
};

export default defineConfig({
  test: {
    sequence: { sequencer: Spread },
    projects: [
      {
        test: {
          name: 'unit',
          // Their modules keep nothing that another file could meet, and half of the time was spent on loading them anew.
          isolate: false,
          include: [
            '{contract,control,electron,cli,web,services,renderer,scripts}/**/*.test.{ts,tsx}',
            'tests/structure/**/*.test.ts',
            'tests/bench/stats.test.ts',
          ],
          ...patient,
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
          exclude: [
            'tests/{structure,bench,renderer,docker,electron,last}/**',
            'tests/packaging.test.ts',
            FAULTS,
            SPEED_VERDICT,
          ],
          globalSetup: ['tests/support/global-setup.ts'],
          ...live,
        },
      },
      {
        test: {
          // The page in Chromium, on the built app.
          name: 'ui',
          include: ['tests/renderer/**/*.test.ts'],
          exclude: [PAGE_COST],
          ...oneAtATime,
        },
      },
      {
        test: {
          name: 'docker',
          include: ['tests/docker/**/*.test.ts'],
          // Beside containers, the machine's own backends.
          globalSetup: ['tests/docker/support/global-setup.ts', 'tests/support/global-setup.ts'],
          ...oneAtATime,
        },
      },
      ...(canTestElectron ? [electron] : []),
      {
        test: { name: 'ui-speed', include: [PAGE_COST], ...alone },
      },
      {
        test: { name: 'integration-timed', include: [FAULTS], ...live, ...calm },
      },
      {
        test: { name: 'integration-speed', include: [SPEED_VERDICT], ...alone },
      },
      {
        test: { name: 'speed', include: ['tests/bench/guard.test.ts'], ...alone },
      },
      {
        test: {
          // What all the others together must have done.
          name: 'last',
          include: ['tests/last/**/*.test.ts'],
          ...alone,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
