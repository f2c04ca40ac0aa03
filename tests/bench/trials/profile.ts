/** Where a gateway's CPU time goes at 200 connections: self time by function, from V8's own profiler. `profile.ts [requests]`. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { SERVICE_NODE_FLAGS } from '../../../services/shared/node-flags.ts';
import { withRig } from './trial.ts';

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
/** Functions that are printed. */
const MOST = 40;

await withRig(async (rig) => {
  const dir = mkdtempSync(join(tmpdir(), 'fg-profile-'));
  try {
    const flags = [...SERVICE_NODE_FLAGS.gateway, '--cpu-prof', `--cpu-prof-dir=${dir}`];
    const gateway = await rig.fork('out/main/gateway.js', {}, flags);
    await rig.fork('out/main/worker.js');
    const saleId = await rig.openSale(gateway, 20);
    const requests = Number(process.argv[2] ?? 200_000);
    const { load } = await rig.attack(gateway.url, saleId, {
      profile: 'burst',
      requests,
      connections: 200,
      stock: 20,
    });
    await rig.settled(saleId, requests, 20);
    await gateway.stop();
    const [file = ''] = readdirSync(dir);
    const { nodes, samples, timeDeltas } = profileSchema.parse(
      JSON.parse(readFileSync(join(dir, file), 'utf8')),
    );
    const nameOf = new Map(
      nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
        id,
        `${functionName || '(anonymous)'} ${url.split('/').slice(-2).join('/')}${url === '' ? '' : `:${lineNumber + 1}`}`,
      ]),
    );
    const selfUs = new Map<string, number>();
    for (const [index, id] of samples.entries()) {
      const name = nameOf.get(id) ?? '?';
      selfUs.set(name, (selfUs.get(name) ?? 0) + (timeDeltas[index] ?? 0));
    }
    const rows = [...selfUs].filter(([name]) => !name.startsWith('(idle)')).sort(([, a], [, b]) => b - a);
    const busyUs = rows.reduce((sum, [, us]) => sum + us, 0);
    console.log(
      `${Math.round(load.rps)} requests/s; ${(busyUs / requests).toFixed(1)} µs busy a request, the start included`,
    );
    for (const [name, us] of rows.slice(0, MOST))
      console.log(
        `${((us * 100) / busyUs).toFixed(1).padStart(5)} %  ${(us / requests).toFixed(2)} µs  ${name}`,
      );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
