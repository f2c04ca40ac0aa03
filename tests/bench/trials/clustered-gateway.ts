/** Two gateways behind one port, by node:cluster. Forked by `gateways.ts`. */
import cluster from 'node:cluster';
import process from 'node:process';
import { resolve } from 'node:path';
import { freePort } from '../free-port.ts';

const COUNT = 2;

const port = await freePort();
cluster.setupPrimary({ exec: resolve(import.meta.dirname, '../../../out/main/gateway.js'), execArgv: [] });
let ready = 0;
cluster.on('message', (_worker, message: unknown) => {
  const isReady =
    typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
  if (isReady && ++ready === COUNT) process.send?.({ type: 'ready', pid: process.pid, port });
});
const env = { FLASHGRID_GATEWAY_PORT: String(port) };
for (let number = 0; number < COUNT; number++) cluster.fork(env);
const end = () => {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  setTimeout(() => process.exit(0), 1_000);
};
process.on('message', end);
process.on('disconnect', end);
