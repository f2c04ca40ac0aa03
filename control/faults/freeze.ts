/** Everything stands still at once, the control centre too, as when a laptop is closed or a machine suspended. */
import process from 'node:process';
import { backendRoleSchema } from '../../contract/backends.ts';
import { milliseconds } from '../../contract/format.ts';
import type { Fault } from './fault.ts';

export const freeze: Fault = {
  check: () => undefined,
  async inject(target, tools, { lengthMs }) {
    const { cluster } = tools;
    const containers = cluster.provider === 'docker' ? backendRoleSchema.options : [];
    await Promise.all(containers.map((role) => cluster.pause(role)));
    const pids = tools.processes();
    const [atMs, sinceMs] = [Date.now(), performance.now()];
    signalAll(pids, 'SIGSTOP');
    // Not a signal for ourselves: a shell would take its terminal back from a program that is stopped.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lengthMs);
    signalAll(pids, 'SIGCONT');
    await Promise.all(containers.map((role) => cluster.resume(role)));
    const text = `${pids.length + containers.length + 1} processes stood still for ${milliseconds(performance.now() - sinceMs)}.`;
    return { targets: [target], atMs, effect: () => Promise.resolve({ hadEffect: pids.length > 0, text }) };
  },
};

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself meanwhile.
    }
}
