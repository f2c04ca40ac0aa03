/** Makes the driver of a backend, or of what stands beside one, that is a single program with its files. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { BackendRole } from '../../../contract/backends.ts';
import type { BackendFolder } from './backend-folder.ts';
import { baseEnvironment } from './base-environment.ts';
import type { BackendDriver } from './backend.ts';
import { type ClusterSettings, type PortName, portOf } from './settings.ts';

export interface SimpleProgram {
  readonly role: BackendRole;
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly folder: BackendFolder;
  /** The first is the one that clients use. */
  readonly ports: readonly [PortName, ...PortName[]];
  readonly command: string;
  args(settings: ClusterSettings): readonly string[];
  /** Text of each file in its folder that it reads. */
  files?(settings: ClusterSettings): Readonly<Record<string, string>>;
  /** Folders that it writes in. */
  readonly owns?: readonly string[];
  /** What a first start that was interrupted left in them can't be used. */
  readonly discardsUnserved?: boolean;
  readonly startLimitMs?: number;
  readonly stopLimitMs?: number;
  readonly daemonPid?: () => number | undefined;
  /** Called before each start, once its files are written. */
  beforeStart?(): void;
  probe(settings: ClusterSettings): Promise<void>;
}

export function simpleDriver(program: SimpleProgram): BackendDriver {
  const { role, name, title, version, folder, ports, command, daemonPid } = program;
  const { startLimitMs = 30_000, stopLimitMs = 10_000 } = program;
  const served = folder.path('served');
  const files = (settings: ClusterSettings) => Object.entries(program.files?.(settings) ?? {});
  return {
    role,
    name,
    title,
    version,
    servicePort: ports[0],
    ports,
    startLimitMs,
    stopSignal: 'SIGTERM',
    stopLimitMs,
    ...(daemonPid ? { daemonPid } : {}),
    plan: (settings) => [
      {
        role: name,
        command,
        args: program.args(settings),
        env: baseEnvironment(folder.dir),
        workingDir: folder.dir,
        user: folder.user,
      },
    ],
    initialise() {
      if (program.discardsUnserved && !existsSync(served))
        for (const own of program.owns ?? []) folder.removeFolder(own);
      return Promise.resolve();
    },
    configure(settings) {
      folder.prepare();
      for (const own of program.owns ?? []) folder.giveFolder(own);
      for (const [file, text] of files(settings)) folder.write(file, text);
      program.beforeStart?.();
    },
    fingerprint: (settings) =>
      createHash('sha256')
        .update(
          JSON.stringify([command, version, files(settings), ports.map((port) => portOf(settings, port))]),
        )
        .digest('hex'),
    async probe(settings) {
      await program.probe(settings);
      if (program.discardsUnserved && !existsSync(served)) folder.write('served', '');
    },
  };
}
