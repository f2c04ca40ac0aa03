/**
 * Runs each process of a highly available cluster in a container of its own. All share the network of this machine
 * and its folders: ports, addresses and files are those of processes without containers, and so are their pids,
 * by which they are watched and broken.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fchownSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { lowerPriority } from '../../processes/priority.ts';
import { isAlive, type ProcessIdentity } from '../../processes/process-table.ts';
import type { SystemUser } from '../../processes/system-user.ts';
import type { BackendDriver, ProcessPlan } from '../native/backend.ts';
import { INHERITED } from '../native/base-environment.ts';
import type { ProcessHost } from '../native/process-host.ts';
import type { RunningProcess, SpawnOptions } from '../native/spawn-process.ts';
import { CONFINEMENT } from './backend-spec.ts';
import { ask, unless } from './errors.ts';
import { removeContainer } from './inventory.ts';
import { listMembers, removeMembers } from './members.ts';
import { CLUSTER_LABEL, MEMBER_LABEL, networkName, ROLE_LABEL, VERSION_LABEL } from './labels.ts';
import { ContainerShell } from './container-shell.ts';

const STEP = 'docker.member';
const START_LIMIT_MS = 30_000;
const LOOK_MS = 100;
const LOG_FILE = '/flashgrid.log';
/** As all that we start, below the window's priority; the log is the file that is read of every process. */
const START = `exec >>${LOG_FILE} 2>&1; exec nice -n 10 "$@"`;

export interface ContainerHostOptions {
  readonly docker: Docker;
  readonly clusterId: string;
  readonly appVersion: string;
  /** Of the members; it exists when the first one starts. */
  readonly dataDir: string;
}

/** What every container of a member may do: nothing that its user may not do on this machine. */
export const MEMBER_CONFINEMENT = {
  NetworkMode: 'host',
  UsernsMode: 'host',
  CapDrop: ['ALL'],
  // Labels of SELinux would close the data folder to it.
  SecurityOpt: [...CONFINEMENT.SecurityOpt, 'label=disable'],
  ReadonlyRootfs: true,
  Tmpfs: { '/tmp': CONFINEMENT.Tmpfs['/tmp'] ?? '' },
};

export class ContainerHost implements ProcessHost {
  readonly provider = 'docker';
  /** Of `ensureMemberImage`; before the first start. */
  image = '';
  readonly #options: ContainerHostOptions;
  /** A shell beside each process that was asked for something. */
  readonly #shells = new Map<string, Promise<ContainerShell>>();
  /** Each resolves when its container is removed. */
  readonly #exits = new Set<Promise<string>>();

  constructor(options: ContainerHostOptions) {
    this.#options = options;
  }

  async spawn(driver: BackendDriver, plan: ProcessPlan, options: SpawnOptions): Promise<RunningProcess> {
    const { docker, clusterId, appVersion } = this.#options;
    const { role } = plan;
    const user = idsOf(plan.user);
    makeLog(options.logPath, plan.user);
    const bind = (Source: string, Target: string, ReadOnly = false) => ({
      Type: 'bind' as const,
      Source,
      Target,
      ReadOnly,
    });
    const environment = Object.entries({ ...plan.env, ...options.registry.environment(role) });
    const container = await ask(STEP, `making the container of ${role}`, () =>
      docker.createContainer({
        // One that is on its way out may still have the name.
        name: `${networkName(clusterId)}-${role}-${randomBytes(3).toString('hex')}`,
        Image: this.image,
        Entrypoint: ['/bin/sh', '-c', START, 'sh', plan.command],
        Cmd: [...plan.args],
        // What this machine has in its PATH is not in the image.
        Env: environment.flatMap(([name, value]) => (INHERITED.includes(name) ? [] : [`${name}=${value}`])),
        WorkingDir: plan.workingDir,
        User: user,
        Labels: {
          [CLUSTER_LABEL]: clusterId,
          [ROLE_LABEL]: driver.role,
          [MEMBER_LABEL]: role,
          [VERSION_LABEL]: appVersion,
        },
        HostConfig: {
          ...MEMBER_CONFINEMENT,
          // Passes signals on, and takes care of what others leave.
          Init: true,
          Mounts: [
            bind(plan.workingDir, plan.workingDir),
            bind(options.logPath, LOG_FILE),
            bind(this.#passwd(user), '/etc/passwd', true),
          ],
          ShmSize: 256 * 1024 * 1024,
          RestartPolicy: { Name: 'no' },
          LogConfig: { Type: 'none', Config: {} },
        },
      }),
    );
    try {
      await ask(STEP, `starting ${role}`, () => container.start(), START_LIMIT_MS);
      const { State } = await ask(STEP, `inspecting ${role}`, () => container.inspect());
      const { registry, fingerprint } = options;
      const command = [plan.command, ...plan.args].join(' ');
      const identity =
        State.Pid > 0 ? registry.record({ pid: State.Pid, role, command, fingerprint }) : undefined;
      if (identity) lowerPriority(identity.pid);
      const exit = this.#exitOf(container, identity);
      this.#exits.add(exit);
      void exit.then(() => this.#exits.delete(exit));
      return { role, identity: identity ?? { pid: 0, startedAt: '' }, exit };
    } catch (error) {
      await removeContainer(docker, container.id, STEP);
      throw error;
    }
  }

  async run({ role }: ProcessPlan, script: string, limitMs: number): Promise<string> {
    const kept = await this.#shells.get(role)?.catch(() => undefined);
    if (!kept || kept.isClosed) this.#shells.set(role, this.#openShell(role));
    const shell = await this.#shells.get(role);
    if (!shell) throw new Error(`${role} has no shell`);
    return await shell.run(script, limitMs);
  }

  async #openShell(role: string): Promise<ContainerShell> {
    const { docker, clusterId } = this.#options;
    const found = (await listMembers(docker, clusterId, STEP)).find(
      ({ Labels, State }) => Labels[MEMBER_LABEL] === role && State === 'running',
    );
    if (!found) throw new Error(`${role} does not run`);
    return await ContainerShell.open(docker.getContainer(found.Id), STEP);
  }

  async clear(keptPids: ReadonlySet<number>): Promise<void> {
    await removeMembers(this.#options.docker, this.#options.clusterId, STEP, keptPids);
    // The daemon does not wait for a removal that is under way already.
    if (keptPids.size === 0) await Promise.all(this.#exits);
  }

  /** Names the user of a container: Postgres asks for its own. */
  #passwd(user: string): string {
    const path = join(this.#options.dataDir, `passwd-${user.replace(':', '-')}`);
    if (!existsSync(path))
      writeFileAtomic(path, `root:x:0:0::/root:/bin/sh\nflashgrid:x:${user}::/:/bin/sh\n`, 0o644);
    return path;
  }

  /** Waits for the process by its pid: a request to the daemon that lasts as long would keep us from ending. */
  async #exitOf(container: Docker.Container, identity: ProcessIdentity | undefined): Promise<string> {
    while (identity && isAlive(identity)) await sleep(LOOK_MS, undefined, { ref: false });
    try {
      const info = await ask(STEP, 'asking how a container ended', () => unless([404], container.inspect()));
      await removeContainer(this.#options.docker, container.id, STEP);
      return info ? `exit code ${info.State.ExitCode}` : 'its container is gone';
    } catch {
      return 'the Docker daemon does not say how';
    }
  }
}

/** As Docker writes a user: `1000:1000`. */
function idsOf(user: SystemUser | undefined): string {
  return user ? `${user.uid}:${user.gid}` : `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}

/** The container writes in it as its own user. */
function makeLog(path: string, user: SystemUser | undefined): void {
  const file = openSync(path, 'a', 0o600);
  try {
    if (user) fchownSync(file, user.uid, user.gid);
  } finally {
    closeSync(file);
  }
}
