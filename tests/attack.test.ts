import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  runAttack,
  type AttackInterval,
  type AttackOptions,
} from '../control/attack/runner/attack-runner.ts';
import { openFileLimit } from '../services/shared/open-files.ts';
import { attackSettingsSchema, type AttackSettingsInput } from '../contract/attack-settings.ts';
import type { GeneratorJob } from '../control/attack/protocol/generator-messages.ts';
import { userIdFor } from '../control/attack/protocol/user-ids.ts';
import { ProcessRegistry } from '../control/processes/process-registry.ts';
import { loadSchema } from '../contract/run-record.ts';
import { serviceUser } from '../control/services/service-user.ts';
import { acknowledge, startServer, type TestServer } from './support/misbehaving-server.ts';

const generatorModule = join(import.meta.dirname, '../control/attack/generator/main.ts');
const execArgv = ['--import', 'tsx'];

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function serve(...args: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...args);
  undo.push(() => server.close());
  return server;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flashgrid-attack-'));
  undo.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

function attack(target: string, input: AttackSettingsInput, more: Partial<AttackOptions> = {}) {
  const intervals: AttackInterval[] = [];
  const outcome = runAttack({
    settings: attackSettingsSchema.parse(input),
    saleId: 'sale-1',
    targets: [target],
    generatorModule,
    execArgv,
    signal: new AbortController().signal,
    ...more,
    onInterval: (interval) => {
      intervals.push(interval);
      more.onInterval?.(interval);
    },
  });
  return { outcome, intervals };
}

const sums = (intervals: readonly AttackInterval[]) => {
  const sum = (key: 'sent' | 'accepted' | 'rejected' | 'unknown') =>
    intervals.reduce((total, one) => total + one[key], 0);
  return {
    sent: sum('sent'),
    accepted: sum('accepted'),
    rejected: sum('rejected'),
    unknown: sum('unknown'),
  };
};

/** The generators that a data folder's registry names. */
const recordedPids = (dataDir: string) => new ProcessRegistry(dataDir).records().map((record) => record.pid);

function isAlive(pid: number): boolean {
  try {
    // A zombie counts as ended: its parent has yet to read how.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await sleep(10);
  }
}

describe('an attack by several processes', () => {
  it('accounts for every request in load, ledger and intervals alike', async () => {
    const given = new Map<string, string>();
    const server = await serve((request, response, raw) => {
      if (request.number % 50 === 7) return void raw.socket.resetAndDestroy();
      if (request.number % 3 === 0) {
        response.writeHead(409);
        return void response.end();
      }
      given.set(
        request.userId,
        `sale-1.gateway1-${Math.floor(request.number / 10).toString(36)}.${request.number % 10}`,
      );
      acknowledge(response, request);
    });
    const dataDir = temporaryFolder();
    const { outcome, intervals } = attack(
      server.url,
      { profile: 'burst', requests: 5_003, connections: 60, seed: 42, processes: 3 },
      { dataDir },
    );
    const { load, ledger } = await outcome;
    expect(loadSchema.parse(load)).toEqual(load);
    expect(load.generator.processes).toBe(3);
    expect(load.sent).toBe(5_003);
    expect(ledger.count).toBe(5_003);
    expect(sums(intervals)).toEqual({
      sent: load.sent,
      accepted: load.accepted,
      rejected: load.rejected,
      unknown: load.unknown,
    });
    expect(load.unknown).toBe(Math.ceil((5_003 - 7) / 50));
    const found = { accepted: 0, rejected: 0, unknown: 0, unsent: 0 };
    for (let index = 0; index < ledger.count; index++) {
      const status = ledger.status(index);
      found[status]++;
      expect(ledger.userId(index)).toBe(userIdFor(42, index));
      expect(ledger.reservationId(index)).toBe(given.get(ledger.userId(index)));
      expect(ledger.httpStatus(index)).toBe({ accepted: 202, rejected: 409, unknown: 0, unsent: 0 }[status]);
      if (status === 'unknown') expect(ledger.answeredAtMs(index)).toBeNaN();
      else expect(ledger.answeredAtMs(index)).toBeGreaterThan(ledger.sentAtMs(index));
    }
    expect(found).toEqual({
      accepted: load.accepted,
      rejected: load.rejected,
      unknown: load.unknown,
      unsent: 0,
    });
    expect(server.seen).toHaveLength(5_003);
    expect(intervals.map((one) => one.tMs)).toEqual(intervals.map((one) => one.tMs).sort((a, b) => a - b));
    // Answers a second, from the first request to the last answer: no tick of a clock is in it.
    expect(load.rps).toBeCloseTo(((load.accepted + load.rejected) * 1000) / load.durationMs, 6);
    expect(recordedPids(dataDir)).toEqual([]);
  });

  it('keeps a rate together', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const { outcome, intervals } = attack(server.url, {
      profile: 'sustained',
      ratePerSec: 300,
      durationSec: 1,
      connections: 20,
      processes: 2,
    });
    const { load, ledger } = await outcome;
    expect(load.sent).toBe(300);
    expect(load.accepted).toBe(300);
    expect(sums(intervals).sent).toBe(300);
    for (let index = 0; index < 300; index++)
      expect(ledger.sentAtMs(index)).toBeGreaterThanOrEqual((index * 1000) / 300 - 0.001);
  });
});

describe('ten thousand connections', () => {
  it('are opened at once and all get their answer', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    // Fewer where this test's own process, which is the server here, may not hold so many.
    const connections = Math.min(10_000, ((await openFileLimit()) ?? 11_000) - 1_000);
    const { outcome } = attack(server.url, {
      profile: 'burst',
      requests: connections,
      connections,
      // How fast one process here answers them all is not the matter.
      timeoutMs: 60_000,
    });
    const { load } = await outcome;
    expect(load).toMatchObject({ sent: connections, accepted: connections, rejected: 0, unknown: 0 });
    expect(server.sockets).toBe(connections + 1); // One is the check that the gateway is there.
  });
});

describe('an attack that can not go on', () => {
  it('ends at once when it is cancelled, and leaves no process', async () => {
    const server = await serve(() => undefined);
    const dataDir = temporaryFolder();
    const cancel = new AbortController();
    const { outcome } = attack(
      server.url,
      { profile: 'burst', requests: 1_000, connections: 50, processes: 2 },
      { dataDir, signal: cancel.signal },
    );
    const failed = expect(outcome).rejects.toMatchObject({ failure: { code: 'attack.cancelled' } });
    await until(() => server.seen.length === 50, 'the first requests');
    const pids = recordedPids(dataDir);
    expect(pids).toHaveLength(2);
    // Started by root, they are not root's.
    const uid = serviceUser('load generators', [generatorModule]).user?.uid ?? process.getuid?.();
    if (existsSync('/proc/self')) expect(pids.map((pid) => statSync(`/proc/${pid}`).uid)).toEqual([uid, uid]);
    cancel.abort();
    await failed;
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('says which generator was killed, and stops the others', async () => {
    const server = await serve(() => undefined);
    const dataDir = temporaryFolder();
    const { outcome } = attack(
      server.url,
      { profile: 'burst', requests: 1_000, connections: 50, processes: 2 },
      { dataDir },
    );
    const failed = expect(outcome).rejects.toMatchObject({
      failure: {
        code: 'attack.generatorLost',
        message: expect.stringMatching(/generator-2 was ended by SIGKILL/),
      },
    });
    await until(() => server.seen.length === 50, 'the first requests');
    const pids = recordedPids(dataDir);
    const second = pids[1];
    if (second === undefined) throw new Error('the second generator is not in the registry');
    process.kill(second, 'SIGKILL');
    await failed;
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('names the gateway that is not there', async () => {
    const server = await startServer((request, response) => acknowledge(response, request));
    await server.close();
    const { outcome } = attack(server.url, { profile: 'burst', requests: 10, connections: 1 });
    await expect(outcome).rejects.toMatchObject({
      failure: { code: 'attack.targetUnreachable', message: expect.stringContaining(server.url) },
    });
  });

  it('shows what a generator wrote when it could not even start', async () => {
    const server = await serve((request, response) => acknowledge(response, request));
    const { outcome } = attack(
      server.url,
      { profile: 'burst', requests: 10, connections: 1 },
      { generatorModule: join(import.meta.dirname, 'no-such-generator.js') },
    );
    await expect(outcome).rejects.toMatchObject({
      failure: { code: 'attack.generatorLost', message: expect.stringContaining('no-such-generator.js') },
    });
  });
});

describe('a generator whose control centre is gone', () => {
  it('ends by itself', async () => {
    const child = fork(generatorModule, [], {
      execArgv,
      serialization: 'advanced',
      stdio: 'ignore',
      detached: true,
    });
    undo.push(() => child.kill('SIGKILL'));
    const job: GeneratorJob = {
      ...attackSettingsSchema.parse({ profile: 'burst', requests: 1, connections: 1 }),
      saleId: 'sale',
      targets: ['http://127.0.0.1:1'],
      totalRequests: 1,
      processIndex: 0,
      processes: 1,
    };
    child.send({ type: 'job', job });
    await new Promise((resolve) => child.once('message', resolve));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    expect(await ended).toBe(0);
  });
});
