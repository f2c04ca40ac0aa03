/** HAProxy: one address before several servers, of which those that pass their check are used. */
import type { BackendRole } from '../../../contract/backends.ts';
import type { BackendFolder } from './backend-folder.ts';
import type { BackendDriver } from './backend.ts';
import { type ClusterSettings, type PortName } from './settings.ts';
import { simpleDriver } from './simple-driver.ts';
import { connectsTo } from './wait-until-ready.ts';

/** One address, and who answers on it. */
export interface Frontend {
  readonly name: string;
  readonly port: number;
  readonly mode: 'tcp' | 'http';
  /** Path of a GET that a server must answer with 200. */
  readonly checkPath: string;
  /** More lines of its section. */
  readonly extra?: readonly string[];
  readonly servers: readonly {
    readonly name: string;
    readonly port: number;
    /** Where the check is answered, if not on the port itself. */
    readonly checkPort?: number;
  }[];
}

/**
 * The configuration file. A server that fails its check twice loses its connections at once: whoever waits for
 * an answer from it learns so, and asks again.
 */
export function haproxyConfig(frontends: readonly Frontend[], global: readonly string[] = []): string {
  const frontendLines = ({ name, port, mode, checkPath, servers, extra = [] }: Frontend) => [
    `listen ${name}`,
    `  bind 127.0.0.1:${port}`,
    `  mode ${mode}`,
    `  option httpchk GET ${checkPath}`,
    '  http-check expect status 200',
    '  default-server inter 300ms fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions',
    ...extra.map((line) => `  ${line}`),
    ...servers.map(
      (server) =>
        `  server ${server.name} 127.0.0.1:${server.port} check${server.checkPort === undefined ? '' : ` port ${server.checkPort}`}`,
    ),
  ];
  return [
    'global',
    // It takes as many connections as it may open files, but no billion, as some containers allow.
    '  fd-hard-limit 50000',
    ...global.map((line) => `  ${line}`),
    'defaults',
    '  timeout connect 2s',
    '  timeout check 900ms',
    '  timeout client 1h',
    '  timeout server 1h',
    ...frontends.flatMap(frontendLines),
    '',
  ].join('\n');
}

export interface HaproxyOptions {
  readonly role: BackendRole;
  readonly binaries: { readonly program: string; readonly version: string };
  readonly folder: BackendFolder;
  /** Of its first frontend. */
  readonly port: PortName;
  frontends(settings: ClusterSettings): readonly Frontend[];
}

/** The driver of one HAProxy. */
export function haproxyDriver({ role, binaries, folder, port, frontends }: HaproxyOptions): BackendDriver {
  return simpleDriver({
    role,
    name: 'haproxy',
    title: 'HAProxy',
    version: binaries.version,
    folder,
    ports: [port],
    command: binaries.program,
    args: () => ['-db', '-f', 'haproxy.cfg'],
    files: (settings) => ({ 'haproxy.cfg': haproxyConfig(frontends(settings)) }),
    probe: (settings) => connectsTo(settings.ports[port] ?? 0),
  });
}
