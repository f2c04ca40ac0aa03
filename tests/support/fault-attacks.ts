/**
 * Attacks by the built terminal command, each with a fault at a moment of its own: a part is killed, frozen for a while, or frozen for good;
 * the load generator or the whole machine stands still. From a seed, so that one that went wrong can be had again.
 *
 * What each must come to: exit 0, or an exit whose reasons name the true cause. Never 3 without a broken promise, never 5 for a
 * system that was late, and no other code at all.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pick, randomFrom } from '../../contract/chaos.ts';
import { IN_TIME_MS } from '../../control/attack/protocol/generator-messages.ts';
import { ProcessRegistry } from '../../control/processes/process-registry.ts';
import { runRecordSchema, type RunRecord } from '../../contract/run-record.ts';
import { flashgrid } from './terminal.ts';

const SERVICES = ['gateway-1', 'gateway-2', 'worker-1', 'worker-2'] as const;
/** All services of a role at once. */
const GROUPS = ['gateways', 'workers'] as const;
const BACKENDS = ['rabbitmq', 'redis', 'postgres'] as const;
/** A short time limit for requests, so that a gateway that hangs is given up within the script's patience. */
const TIMEOUT_MS = 5_000;
/** ms that two gateways, two workers and three backends may take to be well again. */
const WELL_LIMIT_MS = 120_000;
/** ms after which an attack that has not ended counts as hanging. */
const END_LIMIT_MS = 240_000;

interface Fault {
  readonly name: string;
  readonly part:
    | 'none'
    | 'generator'
    | 'machine'
    | (typeof GROUPS)[number]
    | (typeof SERVICES)[number]
    | (typeof BACKENDS)[number];
  readonly kind: 'none' | 'kill' | 'freeze';
  /** ms; of a freeze. */
  readonly lengthMs: number;
  /** ms after the first request. */
  readonly afterMs: number;
}

export interface FaultOutcome {
  readonly number: number;
  readonly fault: Fault;
  readonly args: readonly string[];
  readonly exitCode: number;
  readonly tookMs: number;
  readonly record: RunRecord | undefined;
  /** What must not be; empty when all is well. */
  readonly wrongs: readonly string[];
  readonly output: string;
}

/** The attack and the fault of one number of a seed. */
export function planAttack(seed: number, number: number): { fault: Fault; args: string[] } {
  const random = randomFrom(seed * 1_000_003 + number);
  const part = pick(random, [
    'none',
    'generator',
    'machine',
    ...SERVICES,
    ...SERVICES,
    ...GROUPS,
    ...GROUPS,
    ...BACKENDS,
    ...BACKENDS,
  ] as const);
  const canBeKilled = part !== 'none' && part !== 'machine' && part !== 'generator';
  const kind = part === 'none' ? 'none' : canBeKilled && random() < 0.5 ? 'kill' : 'freeze';
  // Longer than a gateway that hangs is waited for, now and then.
  const lengthMs = Math.round(1_000 + random() * (random() < 0.2 ? 20_000 : 7_000));
  const afterMs = Math.round(random() * 2_500);
  const isBurst = random() < 0.5;
  const stock = pick(random, [20, 500, 4_000]);
  const load = isBurst
    ? ['--requests', pick(random, ['10000', '30000']), '--connections', '400']
    : ['--rate', pick(random, ['200', '500']), '--duration', '6', '--connections', '200'];
  const name =
    kind === 'freeze' ? `freeze ${part} for ${lengthMs} ms` : kind === 'kill' ? `kill ${part}` : 'nothing';
  return {
    fault: { name, part, kind, lengthMs, afterMs },
    args: [
      ...load,
      '--stock',
      String(stock),
      '--mode',
      random() < 0.8 ? 'queue' : 'shed',
      '--timeout',
      String(TIMEOUT_MS),
      '--seed',
      String(number),
    ],
  };
}

/** Runs one attack of the seed against the cluster of the data folder. */
export async function attackWithFault(dataDir: string, seed: number, number: number): Promise<FaultOutcome> {
  const { fault, args } = planAttack(seed, number);
  const json = join(dataDir, `fault-${number}.json`);
  const startedMs = performance.now();
  const run = flashgrid(dataDir, 'attack', ...args, '--json', json);
  // The fault must not wait for an attack that does not begin.
  const began = run.printed(/attacking/).catch(() => undefined);
  const breaking = began.then(() => breakOnPurpose(dataDir, fault));
  const ended = await Promise.race([run.ended(), sleep(END_LIMIT_MS, undefined, { ref: false })]);
  if (ended === undefined) run.child.kill('SIGKILL');
  const brokenAtMs = await breaking;
  const text = await readFile(json, 'utf8').catch(() => undefined);
  await rm(json, { force: true });
  const record = text === undefined ? undefined : runRecordSchema.parse(JSON.parse(text));
  const exitCode = ended ?? -1;
  const outcome = { number, fault, args, exitCode, record, brokenAtMs, output: run.output() };
  return { ...outcome, tookMs: performance.now() - startedMs, wrongs: wrongsOf(outcome) };
}

/** Whether a process of the cluster belongs to the part that the fault is for. */
function isMeant({ part }: Fault, role: string): boolean {
  if (part === 'machine') return true;
  if (part === 'gateways' || part === 'workers') return role.startsWith(part.slice(0, -1));
  return part === 'generator' ? role.startsWith('generator') : role === part;
}

/** Resolves to the moment of the fault, in ms since the epoch, when it is over. */
async function breakOnPurpose(dataDir: string, fault: Fault): Promise<number | undefined> {
  if (fault.kind === 'none') return undefined;
  await sleep(fault.afterMs);
  const pids = new ProcessRegistry(dataDir)
    .findProcesses()
    .filter(({ role }) => isMeant(fault, role))
    .map(({ pid }) => pid);
  if (fault.part === 'machine') pids.push(await controlCentrePid(dataDir));
  const signal = (name: NodeJS.Signals) => {
    for (const pid of pids)
      try {
        process.kill(pid, name);
      } catch {
        // It has ended by itself meanwhile.
      }
  };
  const brokenAtMs = Date.now();
  if (fault.kind === 'kill') {
    signal('SIGKILL');
    return brokenAtMs;
  }
  signal('SIGSTOP');
  await sleep(fault.lengthMs);
  signal('SIGCONT');
  return brokenAtMs;
}

/** Resolves when every part serves again, so that the next fault meets a cluster that is well. */
export async function whenWell(dataDir: string): Promise<void> {
  const deadlineMs = performance.now() + WELL_LIMIT_MS;
  for (;;) {
    const status = flashgrid(dataDir, 'status');
    await status.ended();
    const parts = [
      ...status.output().matchAll(/^ {2}(?:rabbitmq|redis|postgres|gateway-\d|worker-\d) +(\S+)/gm),
    ];
    if (parts.length === 7 && parts.every(([, state]) => state === 'running')) return;
    if (performance.now() > deadlineMs) throw new Error(`the cluster does not get well:\n${status.output()}`);
    await sleep(500);
  }
}

async function controlCentrePid(dataDir: string): Promise<number> {
  const instance: unknown = JSON.parse(await readFile(join(dataDir, 'control.json'), 'utf8'));
  const pid: unknown =
    typeof instance === 'object' && instance !== null && 'pid' in instance ? instance.pid : undefined;
  if (typeof pid !== 'number') throw new Error('the control centre has left no pid');
  return pid;
}

const PARTS = /gateway|worker|RabbitMQ|Redis|Postgres/i;

function wrongsOf({
  exitCode,
  fault,
  record,
  brokenAtMs = 0,
  output,
}: Pick<FaultOutcome, 'exitCode' | 'fault' | 'record' | 'output'> & {
  readonly brokenAtMs: number | undefined;
}): string[] {
  const wrongs: string[] = [];
  const reasons = record?.reasons.join(' ') ?? output;
  if (![0, 5, 6].includes(exitCode)) wrongs.push(`exit code ${exitCode}: ${reasons}`);
  // A busy machine may make the generator late in truth: its own clock then says so.
  const isGeneratorLate = (record?.clocks?.['generator'] ?? 0) >= IN_TIME_MS;
  if (exitCode === 5 && !['generator', 'machine'].includes(fault.part) && !isGeneratorLate)
    wrongs.push(`invalid although the generator was in time: ${reasons}`);
  if (exitCode === 6 && !PARTS.test(reasons)) wrongs.push(`no part is named: ${reasons}`);
  if (record === undefined) return [...wrongs, `no record is kept: ${output.slice(-600)}`];
  const { load, audit } = record;
  if (load.sent !== load.accepted + load.rejected + load.unknown) wrongs.push('the load does not add up');
  if (record.end === 'finished' && load.accepted !== audit.granted + audit.refused + audit.pending)
    wrongs.push('the audit does not add up');
  if (audit.oversold + audit.duplicated > 0) wrongs.push('oversold or duplicated');
  if (exitCode === 0 && audit.isSaleClosed !== true) wrongs.push('the sale stayed open');
  // A freeze that hit the attack must not pass without a word.
  const isLong = fault.kind === 'freeze' && fault.lengthMs >= 2_500;
  const isTold = record.incidents?.some(({ part }) => part === 'machine' || isMeant(fault, part)) === true;
  const isOwnClock = [...SERVICES, ...GROUPS, 'machine', 'generator'].some((part) => part === fault.part);
  // On a busy machine the signal may come when the attack is over.
  const endedAtMs = Date.parse(record.firstRequestAt ?? '') + load.durationMs;
  if (isLong && isOwnClock && endedAtMs > brokenAtMs + 500 && !isTold)
    wrongs.push('a freeze that is not told');
  return wrongs;
}
