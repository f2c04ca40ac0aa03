import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterIdOf } from '../../control/cluster/providers.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { runRecordSchema, type Audit } from '../../contract/run-record.ts';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';
import { hasNoDaemon, testDocker, testBackend, testSettings } from './support/rig.ts';

const ATTACK = ['--requests', '3000', '--connections', '200', '--stock', '50', '--seed', '7'];
const STEADY = ['--rate', '200', '--duration', '30', '--connections', '20'];

describe.skipIf(hasNoDaemon)('flashgrid demo on containers', () => {
  let dataDir: string;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ path: dataDir, remove } = await temporaryDataDir());
    const { images, limits } = testSettings();
    writeFileSync(join(dataDir, 'settings.json'), JSON.stringify(settingsSchema.parse({ images, limits })));
    process.env['DOCKER_HOST'] = testBackend().host;
  });

  afterAll(async () => {
    await flashgrid(dataDir, 'down', '--reset').ended();
    await remove();
  });

  async function audited(...args: string[]): Promise<{ output: string; provider: string; audit: Audit }> {
    const json = join(dataDir, 'r.json');
    const run = flashgrid(dataDir, 'demo', ...ATTACK, ...args, '--json', json);
    expect(await run.ended(), run.output()).toBe(0);
    const { audit, environment } = runRecordSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
    // How long the queue took to drain is the machine's business.
    return { output: run.output(), provider: environment.provider, audit: { ...audit, drainMs: 0 } };
  }

  async function ourContainers() {
    const all = await testDocker().listContainers({ all: true });
    return all.filter(({ Names }) => Names.some((name) => name.includes(clusterIdOf(dataDir))));
  }

  it('passes, and the same seed gives the same audit as on the machine’s own backends', async () => {
    const docker = await audited('--provider', 'docker');
    expect(docker.provider).toBe('docker');
    const native = await audited('--provider', 'native');
    expect(native.provider).toBe('native');
    const verdicts = ({ checks }: Audit) => checks.map(({ id, ok }) => [id, ok]);
    expect(verdicts(docker.audit)).toEqual(verdicts(native.audit));
    expect({ ...docker.audit, checks: [] }).toEqual({ ...native.audit, checks: [] });
  });

  it.skipIf(hasNoDaemon || testBackend().suite !== 'trixie')(
    'passes on Valkey 8.1 and Postgres 18',
    async () => {
      const { prefix, tag } = testBackend();
      const { images, limits } = testSettings({
        redis: `${prefix}/valkey:${tag}`,
        postgres: `${prefix}/postgres18:${tag}`,
      });
      const own = await temporaryDataDir();
      try {
        writeFileSync(
          join(own.path, 'settings.json'),
          JSON.stringify(settingsSchema.parse({ images, limits })),
        );
        const json = join(own.path, 'r.json');
        const run = flashgrid(own.path, 'demo', ...ATTACK, '--provider', 'docker', '--json', json);
        expect(await run.ended(), run.output()).toBe(0);
        const { environment, verdict } = runRecordSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
        expect(verdict).toBe('pass');
        expect(environment.backends.postgres).toMatch(/^18\./);
        await flashgrid(own.path, 'down', '--reset').ended();
      } finally {
        await own.remove();
      }
    },
  );

  it('is what `auto` takes when a backend answers, and says why', async () => {
    const { output, provider } = await audited('--provider', 'auto');
    expect(provider).toBe('docker');
    expect(output).toMatch(/Docker .* answers at/);
  });

  it('stops its containers at its end, and keeps them for the next start', async () => {
    expect((await ourContainers()).map(({ State }) => State)).toEqual(['exited', 'exited', 'exited']);
    expect(survivors(dataDir)).toEqual([]);
  });

  it('killed in the middle of the attack leaves nothing that `down --reset` does not remove', async () => {
    const run = flashgrid(dataDir, 'demo', '--provider', 'docker', ...STEADY);
    await run.printed(/attacking +[1-9]/);
    run.child.kill('SIGKILL');
    await run.ended();
    expect((await ourContainers()).map(({ State }) => State)).toEqual(['running', 'running', 'running']);
    const down = flashgrid(dataDir, 'down', '--reset');
    expect(await down.ended(), down.output()).toBe(0);
    expect(await ourContainers()).toEqual([]);
  });
});
