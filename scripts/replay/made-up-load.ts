/**
 * A load that this machine may not reach, for measuring the window under it: emits what a live run of a given rate
 * would emit, at the pace of the real control centre and with its own parts (series, flow, log store). The numbers are
 * made up, so they say how the window bears such a run, and nothing about FlashGrid.
 */
import process from 'node:process';
import type { SaleView } from '../../services/shared/sales.ts';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import { settingsSchema } from '../../contract/settings.ts';
import type { AttackState, ClusterState, PartStats, ServiceState, Snapshot } from '../../contract/state.ts';
import type { Sample } from '../../contract/run-record.ts';
import { ServiceTotals, type PipelineTotals } from '../../control/services/service-totals.ts';
import { FlowSampler } from '../../control/telemetry/flow-sampler.ts';
import { RunSeries, SERIES_INTERVAL_MS } from '../../control/telemetry/run-series.ts';
import { Replay, type Answers } from './replay.ts';

/** Samples in one event, as in attack-session.ts. */
const SAMPLE_BATCH = 2;
const STATS_INTERVAL_MS = 1_000;
const SALES_INTERVAL_MS = 500;
/** Log lines a second: more than the parts log under load. */
const LINES_PER_SEC = 40;
const LINES_INTERVAL_MS = 100;
/** ms between two restarts of a worker, so that states change too. */
const RESTART_INTERVAL_MS = 10_000;
const RESTART_TAKES_MS = 700;
const RUN_ID = 'run-replayed';
/** The longest that the form allows: the run does not end while it is watched. */
const DURATION_SEC = 3_600;
const STOCK = 10_000_000;
/** Sales that were there before. */
const OLD_SALES = 12;
const PARTS = ['rabbitmq', 'redis', 'postgres', 'gateway-1', 'gateway-2', 'worker-1', 'worker-2', 'attack'];

/** A seeded random number generator: 0 ≤ n < 1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class MadeUpLoad extends Replay {
  protected readonly answers: Answers = {
    'app.getSnapshot': () => this.#snapshot(),
    'runs.listRuns': () => [],
  };
  readonly #ratePerSec: number;
  readonly #random = createRandom(1);
  readonly #startedAtMs = Date.now();
  readonly #began = performance.now();
  readonly #series = new RunSeries((row) => this.#batch.push(row));
  readonly #totals: PipelineTotals = new ServiceTotals().read();
  readonly #flow: FlowSampler;
  readonly #timers: NodeJS.Timeout[] = [];
  #restartTimer: NodeJS.Timeout | undefined;
  #attack: AttackState;
  #batch: Sample[] = [];
  #lastMs = 0;
  #queueDepth = 0;
  #unconfirmed = 0;
  #restarts = 0;
  #isWorkerUp = true;

  /** @param ratePerSec requests a second of the run that is told */
  constructor(ratePerSec: number) {
    super();
    this.#ratePerSec = ratePerSec;
    this.#attack = {
      runId: RUN_ID,
      saleId: RUN_ID,
      phase: 'attacking',
      settings: attackSettingsSchema.parse({
        profile: 'sustained',
        ratePerSec,
        durationSec: DURATION_SEC,
        stock: STOCK,
      }),
      startedAtMs: this.#startedAtMs,
      progress: 0,
      sent: 0,
      accepted: 0,
      rejected: 0,
      unknown: 0,
      granted: 0,
      remaining: STOCK,
      reasons: [],
    };
    this.#flow = new FlowSampler(
      {
        totals: () => ({ ...this.#totals }),
        peakSince: () => ({ queueDepth: this.#queueDepth, unconfirmed: this.#unconfirmed }),
        deadFrames: () => 0,
      },
      (flow) => this.hub.emit('telemetry.flowSampled', { flow }),
    );
  }

  override start(): void {
    this.#flow.start();
    this.#every(SERIES_INTERVAL_MS, () => this.#sample());
    this.#every(STATS_INTERVAL_MS, () => this.hub.emit('telemetry.statsSampled', { stats: this.#stats() }));
    this.#every(SALES_INTERVAL_MS, () => this.hub.emit('sales.salesChanged', { sales: this.#sales() }));
    this.#every(LINES_INTERVAL_MS, () => this.#log());
    this.#every(RESTART_INTERVAL_MS, () => this.#restartWorker());
  }

  override stop(): void {
    super.stop();
    this.#flow.stop();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#restartTimer);
  }

  #every(intervalMs: number, work: () => void): void {
    this.#timers.push(setInterval(work, intervalMs));
  }

  /** 1 ± share. */
  #about(share: number): number {
    return 1 + share * (2 * this.#random() - 1);
  }

  #sample(): void {
    const tMs = performance.now() - this.#began;
    const lengthMs = tMs - this.#lastMs;
    const sent = Math.round(((this.#ratePerSec * lengthMs) / 1_000) * this.#about(0.1));
    this.#lastMs = tMs;
    const refused = Math.round(sent * 0.002);
    const accepted = sent - refused;
    const totals = this.#totals;
    totals.accepted += accepted;
    totals.rejected += refused;
    totals.frames += Math.ceil(accepted / 50);
    this.#queueDepth = Math.min(totals.accepted - totals.decided, Math.round(1_500 * this.#about(0.9)));
    this.#unconfirmed = Math.round(600 * this.#about(0.6));
    totals.decided = totals.accepted - this.#queueDepth;
    totals.granted = Math.min(STOCK, Math.round(totals.decided / 4));
    totals.committed = totals.granted;
    const p50Ms = 25 * this.#about(0.3);
    this.#series.addLoad({
      tMs,
      lengthMs,
      sent,
      accepted,
      rejected: refused,
      unknown: 0,
      p50Ms,
      p99Ms: p50Ms * 3 * this.#about(0.2),
    });
    this.#series.addReading(tMs, {
      decided: totals.decided,
      granted: totals.granted,
      committed: totals.committed,
      queueDepthPeak: this.#queueDepth,
      unconfirmedPeak: this.#unconfirmed,
      remainingNow: STOCK - totals.granted,
    });
    this.#attack = {
      ...this.#attack,
      sent: this.#attack.sent + sent,
      accepted: this.#attack.accepted + accepted,
      rejected: this.#attack.rejected + refused,
      granted: totals.granted,
      remaining: STOCK - totals.granted,
      progress: Math.min(1, tMs / (DURATION_SEC * 1_000)),
    };
    if (this.#batch.length < SAMPLE_BATCH) return;
    const samples = this.#batch;
    this.#batch = [];
    this.hub.emit('attack.samplesTaken', { runId: RUN_ID, samples });
    this.hub.emit('attack.stateChanged', { attack: this.#attack });
  }

  #log(): void {
    for (let line = 0; line < (LINES_PER_SEC * LINES_INTERVAL_MS) / 1_000; line++) {
      const chance = this.#random();
      this.logs.add({
        atMs: Date.now(),
        part: PARTS[Math.floor(this.#random() * PARTS.length)] ?? 'control',
        level: chance < 0.02 ? 'error' : chance < 0.1 ? 'warn' : chance < 0.6 ? 'info' : 'debug',
        text: `frame ${this.#totals.frames} of ${Math.round(50 * this.#about(0.5))} confirmed in ${(4 * this.#about(0.5)).toFixed(1)} ms, ${this.#queueDepth} in line`,
      });
    }
  }

  #restartWorker(): void {
    const tell = (isUp: boolean): void => {
      this.#isWorkerUp = isUp;
      this.hub.emit('services.stateChanged', { services: this.#services() });
      this.hub.emit('cluster.stateChanged', { cluster: this.#cluster() });
    };
    this.#restarts++;
    tell(false);
    this.#restartTimer = setTimeout(() => tell(true), RESTART_TAKES_MS);
  }

  #cluster(): ClusterState {
    const backend = (role: 'rabbitmq' | 'redis' | 'postgres', version: string, port: number) => ({
      role,
      state: 'running' as const,
      version,
      port,
      startedAtMs: this.#startedAtMs,
    });
    return {
      state: 'running',
      provider: 'native',
      reason: 'a replay',
      steps: [],
      backends: [
        backend('rabbitmq', '4.0.0', 5_672),
        backend('redis', '8.0.0', 6_379),
        backend('postgres', '18.0', 5_432),
      ],
      startedAtMs: this.#startedAtMs,
      startDurationMs: 9_000,
    };
  }

  #services(): ServiceState[] {
    return (['gateway', 'worker'] as const).flatMap((role) =>
      [1, 2].map((number): ServiceState => {
        const isRestarting = role === 'worker' && number === 2 && !this.#isWorkerUp;
        return {
          id: `${role}-${number}`,
          role,
          state: isRestarting ? 'restarting' : 'running',
          restarts: role === 'worker' && number === 2 ? this.#restarts : 0,
          pid: 1_000 + number,
          startedAtMs: this.#startedAtMs,
          ...(role === 'gateway' ? { port: 8_000 + number } : {}),
        };
      }),
    );
  }

  #stats(): PartStats[] {
    const atMs = Date.now();
    const share = () => ({
      atMs,
      cpuPercent: 60 * this.#about(0.5),
      memoryBytes: Math.round(2e8 * this.#about(0.1)),
    });
    return [
      ...(['rabbitmq', 'redis', 'postgres'] as const).map((role) => ({ role, ...share() })),
      ...this.#services().map(({ id, role }) => ({
        serviceId: id,
        role,
        ...share(),
        eventLoopLagMs: 5 * this.#about(0.9),
      })),
    ];
  }

  #sales(): SaleView[] {
    const sale = (id: string, stock: number, granted: number, decided: number): SaleView => ({
      id,
      title: id === RUN_ID ? 'The replayed sale' : `An earlier sale, ${id}`,
      stock,
      perBuyerLimit: 1,
      mode: 'queue',
      status: id === RUN_ID ? 'open' : 'closed',
      generation: 1,
      isSoldOut: granted >= stock,
      counters: {
        remaining: stock - granted,
        decided,
        granted,
        grantedUnits: granted,
        refused: {
          sold_out: decided - granted,
          buyer_limit: 0,
          key_reused: 0,
          insufficient: 0,
          sale_closed: 0,
          sale_reset: 0,
        },
      },
    });
    return [
      sale(RUN_ID, STOCK, this.#totals.granted, this.#totals.decided),
      ...Array.from({ length: OLD_SALES }, (_, at) => sale(`old-${at + 1}`, 20, 20, 10_000)),
    ];
  }

  #snapshot(): Snapshot {
    return {
      seq: this.hub.seq,
      app: {
        version: '0.0.0-replay',
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        dataDir: 'none: a replay',
        pid: process.pid,
      },
      settings: settingsSchema.parse({}),
      cluster: this.#cluster(),
      services: this.#services(),
      stats: this.#stats(),
      flow: this.#flow.recent(),
      sales: this.#sales(),
      attack: this.#attack,
      samples: [...this.#series.rows()],
    };
  }
}
