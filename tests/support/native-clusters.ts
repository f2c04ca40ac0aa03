/** Native clusters in temporary folders, removed after each test whatever happened in it. */
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendState, Step } from '../../contract/backends.ts';
import type { LogLine } from '../../contract/state.ts';
import {
  type NativeCluster,
  type NativeClusterOptions,
  createNativeCluster,
} from '../../control/cluster/native/native-cluster.ts';
import { type FoundProcess, ProcessRegistry } from '../../control/processes/process-registry.ts';
import { listProcesses } from '../../control/processes/process-table.ts';

export interface TestCluster {
  readonly cluster: NativeCluster;
  readonly dataDir: string;
  /** Everything that the cluster told, in order. */
  readonly steps: Step[];
  readonly backends: BackendState[];
  readonly logs: LogLine[];
}

const dataDirs: string[] = [];

/** A new empty data folder; `name` is a part of its path. */
export function newDataDir(name = ''): string {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), `flashgrid-native-${name}`)));
  // As root, the backends' own user passes through it.
  chmodSync(dataDir, 0o711);
  dataDirs.push(dataDir);
  return dataDir;
}

/** A cluster of a data folder, a new one by default. Several of one folder play control centres that follow each other. */
export function newCluster(
  options: Partial<Pick<NativeClusterOptions, 'dataDir' | 'find' | 'highlyAvailable'>> & {
    onStep?: (step: Step) => void;
    onBackend?: (backend: BackendState) => void;
  } = {},
): TestCluster {
  const { dataDir = newDataDir(), find, highlyAvailable = false, onStep, onBackend } = options;
  const told: Omit<TestCluster, 'cluster'> = { dataDir, steps: [], backends: [], logs: [] };
  const events = {
    onStep: (step: Step) => {
      told.steps.push(step);
      onStep?.(step);
    },
    onBackend: (state: BackendState) => {
      told.backends.push(state);
      onBackend?.(state);
    },
    onLog: (line: LogLine) => void told.logs.push(line),
  };
  return {
    cluster: createNativeCluster({ dataDir, events, highlyAvailable, ...(find ? { find } : {}) }),
    ...told,
  };
}

/** Stops and removes every cluster made since the last call. */
export async function removeClusters(): Promise<void> {
  for (const dataDir of dataDirs.splice(0)) {
    await newCluster({ dataDir }).cluster.reset();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Processes that have anything to do with a data folder, found in two ways: the registry's, and a search of all there is. */
export function processesOf(dataDir: string): (FoundProcess | { pid: number; role: string })[] {
  const registry = new ProcessRegistry(dataDir);
  const found = registry.findProcesses();
  const pids = new Set(found.map((one) => one.pid));
  const others = listProcesses()
    .filter(({ pid, commandLine, environment, workingDir }) => {
      const everything = [commandLine, ...environment, workingDir].join('\n');
      return pid !== process.pid && !pids.has(pid) && everything.includes(`${dataDir}/native`);
    })
    .map(({ pid, name }) => ({ pid, role: name }));
  return [...found, ...others];
}

/** The passwords of a cluster. */
export function passwordsOf(dataDir: string): string[] {
  const text = readFileSync(join(dataDir, 'native', 'settings.json'), 'utf8');
  const passwords = [...text.matchAll(/"(?:redis|postgres|rabbitmq|erlangCookie)": "([^"]+)"/g)];
  return passwords.flatMap((match) => match[1] ?? []);
}

/** Waits until a condition holds. */
export async function until(what: string, isTrue: () => boolean, limitMs = 15_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
