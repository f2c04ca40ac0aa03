/** HAProxy before gateways of a test: docker/haproxy.cfg, with addresses in place of Docker's names and twice as many checks. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { waitFor } from './worker-world.ts';

const SHIPPED = join(import.meta.dirname, '../../docker/haproxy.cfg');

export interface LoadBalancer {
  /** Balances requests. */
  readonly url: string;
  /** Balances connections, as a Kubernetes service does: a client stays with its gateway until either of them closes. */
  readonly tcpUrl: string;
  /** Gateways that get requests now. */
  serving(): Promise<number>;
  close(): Promise<void>;
}

/** Starts the machine's HAProxy; resolves when it sends requests to all gateways. */
export async function startLoadBalancer(gatewayPorts: readonly number[]): Promise<LoadBalancer> {
  const [http = 0, tcp = 0, stats = 0] = await findFreePorts(3);
  const servers = gatewayPorts.map((port, at) => `  server gateway-${at} 127.0.0.1:${port}`).join('\n');
  const text = readFileSync(SHIPPED, 'utf8')
    .replace(/^resolvers docker\n(?: .*\n)*/m, '')
    .replaceAll(' resolvers docker init-addr none', '')
    .replaceAll(/^ {2}server-template .*$/gm, servers)
    .replaceAll('inter 2s', 'inter 1s')
    .replace('bind :8080', `bind 127.0.0.1:${http}`);
  const more = `
listen connections
  mode tcp
  bind 127.0.0.1:${tcp}
  balance leastconn
  option httpchk GET /readyz
  default-server inter 1s fall 2 rise 1 check
${servers}

frontend stats
  bind 127.0.0.1:${stats}
  stats enable
  stats uri /stats
`;
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-haproxy-'));
  const file = join(dir, 'haproxy.cfg');
  writeFileSync(file, text + more);
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += String(chunk)));
  child.on('error', (error) => (said += error.message));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true });
  };
  const serving = async (): Promise<number> => {
    const csv = await (await fetch(`http://127.0.0.1:${stats}/stats;csv`)).text();
    const up = (proxy: string): number =>
      csv.split('\n').filter((line) => line.startsWith(`${proxy},gateway-`) && line.includes(',UP,')).length;
    return Math.min(...['gateways', 'live', 'connections'].map(up));
  };
  try {
    await waitFor('HAProxy to see the gateways', async () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`HAProxy ended: ${said}`);
      return (await serving().catch(() => 0)) === gatewayPorts.length;
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `http://127.0.0.1:${http}`, tcpUrl: `http://127.0.0.1:${tcp}`, serving, close };
}
