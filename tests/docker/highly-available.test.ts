import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runRecordSchema } from '../../contract/run-record.ts';
import { settingsSchema } from '../../contract/settings.ts';
import { clusterIdOf } from '../../control/cluster/providers.ts';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';
import { hasNoDaemon, holdings, NOTHING, testBackend, testDocker, testSettings } from './support/rig.ts';

const MEMBERS = ['rabbitmq', 'redis', 'sentinel', 'postgres'].flatMap((name) =>
  [1, 2, 3].map((at) => `${name}-${at}`),
);
const HELPERS = ['epmd', 'etcd', 'haproxy'];
const BACKENDS = ['rabbitmq', 'redis', 'postgres'];
const LEADERS = ['rabbitmq-leader', 'redis-primary', 'postgres-primary'];
/** SIGKILL's exit code. */
const KILLED = '137';
/** The first start makes the image, and a busy machine takes its time for fifteen containers. */
const LIMIT_MS = 600_000;

describe.skipIf(hasNoDaemon)('a highly available cluster in containers', () => {
  let dataDir: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ path: dataDir, remove } = await temporaryDataDir());
    const { images, limits } = testSettings();
    writeFileSync(join(dataDir, 'settings.json'), JSON.stringify(settingsSchema.parse({ images, limits })));
    process.env['DOCKER_HOST'] = testBackend().host;
  });

  afterEach(async () => {
    await flashgrid(dataDir, 'down', '--reset').ended();
    await remove();
  });

  const demo = (...args: string[]) =>
    flashgrid(dataDir, 'demo', '--ha', '--provider', 'docker', '--connections', '20', ...args);
  const members = async () =>
    (await testDocker().listContainers({ filters: { label: ['flashgrid.member'] } }))
      .filter(({ Labels }) => Labels['flashgrid.cluster'] === clusterIdOf(dataDir))
      .map(({ Labels, HostConfig }) => `${Labels['flashgrid.member']} ${HostConfig.NetworkMode}`)
      .sort();

  it(
    'survives the death of the container of each leader in one attack, and leaves no container, network or volume',
    async () => {
      const sinceSec = Math.floor(Date.now() / 1_000);
      const json = join(dataDir, 'r.json');
      const kills = LEADERS.flatMap((leader, at) => ['--fault', `kill:${leader}@${15 + 20 * at}%`]);
      const run = demo('--rate', '100', '--duration', '45', ...kills, '--json', json);
      await run.printed(/attacking +[1-9]/);
      expect(await members()).toEqual([...MEMBERS, ...HELPERS].map((name) => `${name} host`).sort());
      await expectConfined();
      // Whether the rate was held, and so the exit code, is the machine's business.
      expect([0, 5], run.output()).toContain(await run.ended());
      const { environment, audit, faults } = runRecordSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
      expect(audit.checks.filter(({ ok }) => !ok)).toEqual([]);
      expect(environment).toMatchObject({ provider: 'docker', highlyAvailable: true });
      expect(faults?.map(({ target }) => target.replace(/-\d$/, ''))).toEqual(BACKENDS);
      // A killed Postgres may be back before Patroni 4's lease of 20 s ends, and leads on.
      for (const { effect, target } of faults ?? [])
        expect(effect).toMatch(target.startsWith('postgres') ? / served again after / : /-\d led after /);
      expect(await killedMembers(sinceSec)).toEqual(expect.arrayContaining(BACKENDS));
      expect(survivors(dataDir)).toEqual([]);
      expect(await holdings(testDocker(), clusterIdOf(dataDir))).toEqual(NOTHING);
    },
    LIMIT_MS,
  );

  async function expectConfined() {
    const filters = { label: ['flashgrid.member', `flashgrid.cluster=${clusterIdOf(dataDir)}`] };
    for (const { Id, Labels } of await testDocker().listContainers({ filters })) {
      const { HostConfig, Config, Mounts } = await testDocker().getContainer(Id).inspect();
      expect(HostConfig).toMatchObject({
        CapDrop: ['ALL'],
        ReadonlyRootfs: true,
        Privileged: false,
        PidMode: '',
      });
      expect(HostConfig.CapAdd ?? []).toEqual([]);
      expect(HostConfig.SecurityOpt).toContain('no-new-privileges:true');
      expect(Config.User).toMatch(/^[1-9]/);
      const writable = Mounts.filter(({ RW }) => RW).map(({ Source }) => Source);
      const { 'flashgrid.member': name } = Labels;
      const native = join(dataDir, 'docker-ha/native');
      expect(writable.sort()).toEqual([`${native}/${name}`, `${native}/logs/${name}.log`].sort());
      const passwords = JSON.stringify([Config.Env, Config.Cmd]).match(/[0-9a-f]{48}/g) ?? [];
      expect(passwords).toEqual([]);
    }
  }

  /** Backends whose containers were killed since then, as the daemon tells it. */
  async function killedMembers(since: number): Promise<string[]> {
    const filters = { event: ['die'], label: [`flashgrid.cluster=${clusterIdOf(dataDir)}`] };
    const stream = await testDocker().getEvents({ since, until: Math.floor(Date.now() / 1_000), filters });
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => (JSON.parse(line) as { Actor: { Attributes: Record<string, string> } }).Actor.Attributes)
      .filter(({ exitCode }) => exitCode === KILLED)
      .map((attributes) => attributes['flashgrid.member']?.replace(/-\d$/, '') ?? '');
  }

  it(
    'whose control centre was killed leaves nothing that `down` does not remove',
    async () => {
      const run = demo('--rate', '100', '--duration', '60');
      await run.printed(/attacking +[1-9]/);
      run.child.kill('SIGKILL');
      await run.ended();
      expect(await members()).toHaveLength(MEMBERS.length + HELPERS.length);
      const down = flashgrid(dataDir, 'down');
      expect(await down.ended(), down.output()).toBe(0);
      expect(await holdings(testDocker(), clusterIdOf(dataDir))).toEqual(NOTHING);
    },
    LIMIT_MS,
  );

  it.skipIf(process.getuid?.() !== 0)(
    'is refused where containers do not share our network, as with Docker Desktop',
    () => {
      const { host } = testBackend();
      const args = JSON.stringify({
        host,
        clusterId: 'refused',
        dataDir,
        settings: testSettings(),
        isHa: true,
      });
      const script = join(import.meta.dirname, 'support/start-and-report.ts');
      const { status, stderr } = spawnSync(
        'unshare',
        ['--net', process.execPath, '--import', 'tsx', script, args],
        { encoding: 'utf8', timeout: LIMIT_MS },
      );
      expect(status).toBe(1);
      expect(stderr).toContain('cluster.notHighlyAvailable');
    },
    LIMIT_MS,
  );
});
