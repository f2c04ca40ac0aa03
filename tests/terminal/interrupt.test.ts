import { describe, expect, it } from 'vitest';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';

const ARGS = [
  'demo',
  '--provider',
  'native',
  '--rate',
  '300',
  '--duration',
  '30',
  '--connections',
  '30',
  '--stock',
  '10',
];
/** The phases of a demo, by what the terminal prints when each has begun. */
const PHASES = [
  ['while the backends start', /Adopt or clear/],
  ['when the backends are up', /✓ Start RabbitMQ/],
  ['in the middle of the attack', /attacking +[1-9]/],
] as const;

/** A data folder of a test's own: two of them run side by side, since most of their time is a broker's start. */
async function inNewDataDir(test: (dataDir: string) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryDataDir();
  try {
    await test(path);
  } finally {
    await flashgrid(path, 'down').ended();
    await remove();
  }
}

describe.concurrent('a demo', () => {
  it.each(PHASES)('that is interrupted %s stops everything it started', (_, phase) =>
    inNewDataDir(async (dataDir) => {
      const run = flashgrid(dataDir, ...ARGS);
      await run.printed(phase);
      run.child.kill('SIGINT');
      expect(await run.ended(), run.output()).toBe(130);
      expect(survivors(dataDir)).toEqual([]);
    }),
  );

  it.each(PHASES)('that is killed %s leaves nothing that the next one does not clear', (_, phase) =>
    inNewDataDir(async (dataDir) => {
      const run = flashgrid(dataDir, ...ARGS);
      await run.printed(phase);
      run.child.kill('SIGKILL');
      expect(await run.ended()).toBe(137);
      const next = flashgrid(
        dataDir,
        'demo',
        '--provider',
        'native',
        '--requests',
        '300',
        '--connections',
        '30',
        '--stock',
        '5',
      );
      expect(await next.ended(), next.output()).toBe(0);
      expect(survivors(dataDir)).toEqual([]);
    }),
  );

  it('that is killed leaves nothing that `down` does not clear', () =>
    inNewDataDir(async (dataDir) => {
      const run = flashgrid(dataDir, ...ARGS);
      await run.printed(/attacking +[1-9]/);
      run.child.kill('SIGKILL');
      await run.ended();
      const down = flashgrid(dataDir, 'down');
      expect(await down.ended(), down.output()).toBe(0);
      expect(survivors(dataDir)).toEqual([]);
    }));
});
