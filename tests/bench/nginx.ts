/** nginx that answers 202 and does nothing else: what the machine's sockets allow on one core. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lowerPriority } from '../../control/processes/priority.ts';
import { freePort } from './free-port.ts';
import type { Rig } from './rig.ts';

const START_LIMIT_MS = 5_000;
const BODY = '{"reservationId":"bench.nginx000-1.1","status":"queued"}';

const config = (dir: string, port: number): string => `
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log ${dir}/error.log;
events { worker_connections 20000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port} backlog=16384;
    default_type application/json;
    location = /reserve { return 202 '${BODY}'; }
  }
}
`;

/** Whether this machine has it. */
export function hasNginx(): boolean {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts it for the rig's time. @returns its URL */
export async function startNginx(rig: Rig): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'fg-nginx-'));
  rig.undo.add('nginx folder', () => rmSync(dir, { recursive: true, force: true }));
  const port = await freePort();
  writeFileSync(join(dir, 'nginx.conf'), config(dir, port));
  const child = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-e', join(dir, 'error.log')], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  lowerPriority(child.pid);
  rig.undo.add('nginx', async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const url = `http://127.0.0.1:${port}`;
  const deadlineMs = performance.now() + START_LIMIT_MS;
  while (
    !(await fetch(`${url}/reserve`, { method: 'POST' }).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (performance.now() > deadlineMs) throw new Error('nginx did not answer in time');
    await new Promise((done) => setTimeout(done, 20));
  }
  return url;
}
