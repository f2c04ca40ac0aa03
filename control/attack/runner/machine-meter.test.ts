import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startBurner } from '../../../tests/support/burner.ts';
import { MachineMeter, parseCores, type ForeignSystem } from './machine-meter.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

it('reads the cores of /proc/stat: what programs used, what interrupts took, what was stolen', () => {
  const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 10 4 5 6 7 1 0\ncpu11 1 0 0 1\nintr 5\n';
  expect(parseCores(text)).toEqual([
    { work: 6, interrupts: 11, stolen: 7, total: 38 },
    { work: 1, interrupts: 0, stolen: 0, total: 2 },
  ]);
});

async function measure(roots: readonly number[] = [], foreign?: ForeignSystem) {
  const meter = new MachineMeter(() => roots, foreign);
  meter.start();
  await sleep(700);
  meter.stop();
  return meter.read();
}

describe.runIf(process.platform === 'linux')('on this machine', () => {
  it('counts and names another program that takes a core, and neither a child nor one that is noted as ours', async () => {
    const burner = await startBurner();
    undo.push(() => burner.end());
    const child = spawn(process.execPath, ['-e', 'for (const end = Date.now() + 20000; Date.now() < end;);']);
    undo.push(async () => {
      child.kill('SIGKILL');
      await once(child, 'close');
    });
    const namesOf = (machine: Awaited<ReturnType<typeof measure>>) =>
      machine?.others?.map(({ name }) => /process (\d+)/.exec(name)?.[1]) ?? [];
    const found = await measure();
    expect(namesOf(found)).toContain(String(burner.pid));
    expect(namesOf(found)).not.toContain(String(child.pid));
    const used = found?.others?.find(({ name }) => name.includes(String(burner.pid)))?.cores ?? 0;
    // Clock ticks of 10 ms.
    expect(found?.otherCores).toBeGreaterThan(used * 0.9);
    for (const { busy, most } of found?.cores ?? []) {
      expect(busy).toBeLessThanOrEqual(1);
      expect(most).toBeGreaterThanOrEqual(0);
    }
    expect(namesOf(await measure([burner.pid]))).not.toContain(String(burner.pid));
  });

  it('knows the system under test by what listens at its address, and tells nothing of others where it can’t be found', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    undo.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const at = (url: string) => measure([], { urls: [url], areContainers: false });
    expect(await at(`http://127.0.0.1:${port}`)).toHaveProperty('otherCores');
    server.close();
    expect(await at(`http://localhost:${port}`)).not.toHaveProperty('otherCores');
    // Elsewhere, no process of it is on this machine.
    expect(await at('http://203.0.113.7')).toHaveProperty('otherCores');
  });
});
