/** Where the processes of a cluster run: on this machine as they are, or each in a container. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Provider } from '../../../contract/backends.ts';
import type { BackendDriver, ProcessPlan } from './backend.ts';
import { type RunningProcess, type SpawnOptions, spawnProcess } from './spawn-process.ts';

/**
 * A process has the same folder, user and ports on every host, and a pid that we see and may signal: all else is
 * one for all.
 */
export interface ProcessHost {
  readonly provider: Provider;
  /** Starts a process and records it. */
  spawn(driver: BackendDriver, plan: ProcessPlan, options: SpawnOptions): Promise<RunningProcess>;
  /**
   * Runs a shell script beside a process, with its user, folder and environment.
   * @returns what it printed
   */
  run(plan: ProcessPlan, script: string, limitMs: number): Promise<string>;
  /** Removes what processes have left that have ended, and ends what is not known by its pid. */
  clear(keptPids: ReadonlySet<number>): Promise<void>;
}

export const thisMachine: ProcessHost = {
  provider: 'native',
  spawn: (_driver, plan, options) => Promise.resolve(spawnProcess(plan, options)),
  async run({ workingDir, env, user }, script, limitMs) {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], {
      cwd: workingDir,
      env,
      timeout: limitMs,
      ...(user ? { uid: user.uid, gid: user.gid } : {}),
    });
    return stdout;
  },
  clear: () => Promise.resolve(),
};
