/**
 * Runs one attack: checks the machine, forks the generators, starts them at one moment and merges their
 * intervals. Returns the load and the ledger of all requests.
 */
import { performance } from 'node:perf_hooks';
import type { LoadLedger } from '../../audit/ledger.ts';
import { FailureError } from '../../../contract/failure.ts';
import type { LogLine } from '../../../contract/state.ts';
import { ProcessRegistry } from '../../processes/process-registry.ts';
import type { Load, MachineHealth } from '../../../contract/run-record.ts';
import { serviceUser } from '../../services/service-user.ts';
import { AttackLedger } from './attack-ledger.ts';
import { Crowd } from '../protocol/crowd.ts';
import { GeneratorChild } from './generator-child.ts';
import type { GeneratorJob, ResultMessage } from '../protocol/generator-messages.ts';
import { IntervalMerger, type AttackInterval } from './interval-merger.ts';
import { MachineMeter, type ForeignSystem } from './machine-meter.ts';
import { summariseLoad } from './load-summary.ts';
import { checkMachine } from './preflight.ts';
import { planProcesses } from './process-plan.ts';
import { stagesOf, totalRequests, type AttackSettings } from '../../../contract/attack-settings.ts';
import { reachTarget } from './reach-target.ts';
import type { Target } from '../../../contract/target.ts';

export type { AttackInterval } from './interval-merger.ts';

/** ms between the order to start and the start, so that every process has its order by then. */
const START_AHEAD_MS = 100;
/** The same under a rate, whose connections are opened meanwhile. */
const RATE_START_AHEAD_MS = 600;

export interface AttackOptions {
  readonly settings: AttackSettings;
  readonly saleId: string;
  /** Base URLs of the gateways; the connections are shared out among them. */
  readonly targets: readonly string[];
  /** The shop, where it is not ours; `targets` then holds its address. */
  readonly target?: Target | undefined;
  /** The system under test, where its processes do not descend from this one. */
  readonly foreign?: ForeignSystem | undefined;
  /** Path of the built entry `generator.js`. */
  readonly generatorModule: string;
  /** Node flags of the generators; none by default. A test that runs the source gives its loader. */
  readonly execArgv?: readonly string[];
  /** Environment of the generators. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Data folder whose process registry notes the generators, so that a later start ends what a killed one
   * left.
   */
  readonly dataDir?: string;
  readonly signal: AbortSignal;
  /**
   * Called shortly before moment 0 of the attack, in ms since the epoch, from which intervals and ledger
   * count.
   */
  onStart?(startAtMs: number): void;
  onInterval(interval: AttackInterval): void;
  onLog?(line: LogLine): void;
}

export interface AttackOutcome {
  readonly load: Load;
  readonly ledger: LoadLedger;
}

/**
 * Runs an attack to its end. Every process that it started is gone when it settles.
 * @throws FailureError `attack.openFiles`, `attack.localPorts`, `attack.memory`, `attack.targetUnreachable`,
 *   `attack.targetLost`,
 * `attack.localLimit`, `attack.generatorLost`, `attack.generatorFailed`, `attack.cancelled`
 */
export async function runAttack(options: AttackOptions): Promise<AttackOutcome> {
  const { settings, targets, signal } = options;
  const log = (level: LogLine['level'], text: string) =>
    options.onLog?.({ atMs: Date.now(), part: 'attack', level, text });
  const plan = planProcesses(settings);
  for (const warning of await checkMachine(settings, plan, targets.length)) log('warn', warning);
  await Promise.all(targets.map((target) => reachTarget(target, options.target?.name)));
  if (signal.aborted) throw cancelled();
  const { user, note } = serviceUser('load generators', [
    options.generatorModule,
    ...(options.target && 'module' in options.target.use ? [options.target.use.module] : []),
  ]);
  if (note) log('warn', note);
  log('info', `load generators: ${plan.processes} (${plan.reason})`);

  const requests = totalRequests(settings);
  const collector = new Collector(requests, plan.processes, settings, options.onInterval);
  const registry = options.dataDir === undefined ? undefined : new ProcessRegistry(options.dataDir);
  const children: GeneratorChild[] = [];
  const meter = new MachineMeter(() => registry?.records().map(({ pid }) => pid) ?? [], options.foreign);
  let machine: MachineHealth | undefined;
  let onAbort: () => void = () => undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      onAbort = () => reject(cancelled());
      signal.addEventListener('abort', onAbort, { once: true });
      for (let index = 0; index < plan.processes; index++)
        children.push(
          new GeneratorChild({
            name: `generator-${index + 1}`,
            modulePath: options.generatorModule,
            execArgv: options.execArgv ?? [],
            env: options.env ?? process.env,
            user,
            registry,
            job: jobOf(options, requests, plan.connections, index),
            onMessage: (message) => {
              if (message.type === 'interval') collector.merger.add(index, message);
              else if (message.type === 'columns') collector.ledger.addColumns(index, message);
              else if (message.type === 'prefixes') collector.ledger.addPrefixes(index, message.text);
              else if (collector.results.push(message) === plan.processes) resolve();
            },
            onFailure: reject,
          }),
        );
      const start = () => {
        meter.start();
        const aheadMs = options.settings.profile === 'burst' ? START_AHEAD_MS : RATE_START_AHEAD_MS;
        const startAtMs = performance.timeOrigin + performance.now() + aheadMs;
        for (const child of children) child.send({ type: 'start', startAtMs });
        options.onStart?.(startAtMs);
      };
      Promise.all(children.map((child) => child.ready()))
        .then(start)
        .catch(reject);
    });
    machine = meter.read();
  } finally {
    meter.stop();
    signal.removeEventListener('abort', onAbort);
    await Promise.all(children.map((child) => child.stop()));
  }
  const load = summariseLoad(settings, collector.results, machine);
  collector.finish(load);
  return { load, ledger: collector.ledger };
}

function jobOf(
  { settings, saleId, targets, target }: AttackOptions,
  requests: number,
  connections: readonly number[],
  processIndex: number,
): GeneratorJob {
  return {
    ...settings,
    saleId,
    targets: [...targets],
    ...(target && { target }),
    ...(settings.profile === 'burst' ? {} : { pace: stagesOf(settings) }),
    totalRequests: requests,
    processIndex,
    processes: connections.length,
    connections: connections[processIndex] ?? 1,
  };
}

function cancelled(): FailureError {
  return new FailureError({
    code: 'attack.cancelled',
    message: 'The attack was cancelled.',
    fix: 'Start it again whenever you like.',
  });
}

/** What the generators send: three views of the same requests, which must agree at the end. */
class Collector {
  readonly ledger: AttackLedger;
  readonly merger: IntervalMerger;
  readonly results: ResultMessage[] = [];
  readonly #emitted = { sent: 0, accepted: 0, rejected: 0, unknown: 0 };

  constructor(
    requests: number,
    processes: number,
    settings: AttackSettings,
    onInterval: (interval: AttackInterval) => void,
  ) {
    this.ledger = new AttackLedger(requests, processes, new Crowd(settings, requests));
    this.merger = new IntervalMerger(processes, (interval) => {
      for (const key of TOTALS) this.#emitted[key] += interval[key];
      onInterval(interval);
    });
  }

  /**
   * Emits the last interval, and compares ledger, intervals and totals.
   * @throws Error when they differ: a verdict on figures that contradict each other would be worth nothing
   */
  finish(load: Load): void {
    this.merger.finish(Math.max(...this.results.map((result) => result.endMs)));
    const noted = this.ledger.totals();
    const ledger = { ...noted, sent: noted.accepted + noted.rejected + noted.unknown };
    for (const key of TOTALS)
      if (load[key] !== this.#emitted[key] || load[key] !== ledger[key])
        throw new Error(
          `the load generator contradicts itself: ${key} is ${load[key]} in all, ${this.#emitted[key]} by intervals, ${ledger[key]} by requests`,
        );
  }
}

const TOTALS = ['sent', 'accepted', 'rejected', 'unknown'] as const;
