/**
 * One attack on a shop that is not ours, from its adapter to its record; the life of a run is in runs/run-session.ts. While it
 * drains, what the shop decides later is asked for. It starts no backend; its faults break parts of our own cluster, which the shop may use.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseBehaviours } from '../../contract/behaviours.ts';
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { FailureError } from '../../contract/failure.ts';
import { whole } from '../../contract/format.ts';
import type { FaultOutcome, Sample } from '../../contract/run-record.ts';
import type { Target } from '../../contract/target.ts';
import type { AttackInterval } from '../attack/runner/interval-merger.ts';
import { judge } from '../audit/audit.ts';
import type { LoadLedger } from '../audit/ledger.ts';
import type { FaultTools } from '../faults/fault.ts';
import { RunFaults } from '../faults/run-faults.ts';
import { describeEnvironment } from '../runs/environment.ts';
import { RunSession, type OwnParts, type RunSessionOptions } from '../runs/run-session.ts';
import { ServiceTotals } from '../services/service-totals.ts';
import { RunTelemetry } from '../telemetry/run-telemetry.ts';
import { shopEvidence } from './shop-evidence.ts';
import { toldBy } from './shop-ledger.ts';
import { openReader, type Decided, type Owned, type ShopReader } from './shop-reader.ts';

/** Outcomes asked for at once. */
const ASKED_AT_ONCE = 8;
/** ms between two looks at what is not decided, and at owners that may still grow. */
const LOOK_MS = 250;

export interface TargetSessionOptions extends RunSessionOptions {
  readonly target: Target;
  /** Of our own cluster, where faults were asked for. */
  readonly faultTools?: FaultTools | undefined;
  /** Of all instances that buyers come to, where it is not the target's alone. */
  readonly urls?: readonly string[] | undefined;
}

const NO_BACKENDS = { provider: 'none', backends: () => [] } as const;

export class TargetSession extends RunSession<TargetSessionOptions> {
  readonly #faults: RunFaults | undefined;
  protected readonly telemetry: RunTelemetry;

  constructor(options: TargetSessionOptions) {
    const totals = new ServiceTotals();
    super(options, { supervisor: { states: () => [], totals }, cluster: NO_BACKENDS });
    this.telemetry = new RunTelemetry({
      totals,
      readSale: () => Promise.resolve(undefined),
      onRow: (row) => this.feed.add(ofShop(row), this.state),
    });
    const { faultTools, settings } = options;
    this.#faults =
      faultTools &&
      new RunFaults(faultTools, settings.faults ?? '', {
        onChange: () => this.isActive && this.set({ faults: this.#faultOutcomes() }),
        onLog: (text) => this.log('warn', text),
      });
    const { name, url, file } = options.target;
    this.change({ target: { name, url: new URL(url).origin, file } });
  }

  override samples(): readonly Sample[] {
    return super.samples().map(ofShop);
  }

  protected async release(): Promise<void> {
    await this.#faults?.release();
    await this.telemetry.end();
  }

  protected override handleInterval(interval: AttackInterval): void {
    super.handleInterval(interval);
    if (this.state.phase === 'attacking') this.#faults?.handle(this.state);
  }

  #faultOutcomes(): FaultOutcome[] | undefined {
    return this.#faults?.outcomes(this.state.firstRequestAtMs ?? this.state.startedAtMs);
  }

  protected async ownParts(): Promise<OwnParts> {
    return {
      target: this.state.target,
      faults: this.#faultOutcomes(),
      environment: await describeEnvironment(this.options.version, NO_BACKENDS, []),
    };
  }

  protected async attackAndJudge(): Promise<void> {
    const { target, urls = [target.url] } = this.options;
    const { signal } = this.abort;
    const reader = await openReader(target);
    const settings = await this.#prepare(reader);
    signal.throwIfAborted();
    await this.#faults?.prepare();
    const { load, ledger } = await this.sendLoad(
      {
        settings,
        targets: urls,
        target,
        foreign: { urls, areContainers: false },
      },
      this.telemetry,
      {
        to: target.name,
        by: 'the shop',
      },
      (startAtMs) => this.#faults?.begin(startAtMs),
    );
    await this.#faults?.over(this.state, signal);
    // A shop that uses what was broken can tell nothing before it is back.
    await this.#faults?.settle();
    const answeredAtMs = performance.now();
    const deadlineMs = answeredAtMs + settings.drainTimeoutMs;
    const outcomes = reader.outcome && (await this.#readOutcomes(reader.outcome, ledger, deadlineMs));
    const owners = await this.#readOwners(reader, deadlineMs);
    this.set({ phase: 'auditing' });
    const { stock: readLeft } = reader;
    const left =
      typeof readLeft === 'number' ? undefined : await this.#patiently(() => readLeft(), deadlineMs);
    signal.throwIfAborted();
    const hasLimit = target.limit !== undefined;
    const most = Math.max(
      1,
      ...parseBehaviours(settings.behaviours ?? '').map(({ requests = 1 }) => requests),
    );
    const perBuyerLimit = hasLimit ? settings.perBuyerLimit : settings.requestsPerBuyer * most;
    const evidence = shopEvidence({
      seen: ledger,
      owners,
      outcomes,
      left,
      sale: { id: this.state.saleId, stock: settings.stock, perBuyerLimit },
      reader,
      hasLimit,
    });
    const audit = judge(evidence, performance.now() - answeredAtMs);
    await this.telemetry.finish(audit);
    this.feed.flush();
    await this.conclude(load, audit, [{ evidence, audit }]);
  }

  /** The settings with the stock and the limit of the adapter; the sale is empty by then. */
  async #prepare(reader: ShopReader): Promise<AttackSettings> {
    const { settings, target } = this.options;
    await reader.reset?.();
    const owned = (await reader.owners()).length;
    if (owned > 0)
      throw new FailureError({
        code: 'target.notEmpty',
        message: `The shop ${target.name} has ${whole(owned)} units with an owner before the attack: its verdict could not tell them from those of the attack.`,
        fix: 'Empty the sale, or name the request that does it as "reset" in the adapter.',
      });
    const stock = typeof reader.stock === 'number' ? reader.stock : await reader.stock();
    if (!Number.isInteger(stock) || stock < 1)
      throw new FailureError({
        code: 'target.notAnswering',
        message: `The shop ${target.name} says that ${stock} units are left before the attack: there is nothing to sell.`,
        fix: 'Fill the sale, or correct "stock" in the adapter.',
      });
    const known = { ...settings, stock, perBuyerLimit: target.limit ?? settings.perBuyerLimit };
    this.set({ settings: known, remaining: stock });
    return known;
  }

  /** Asks what became of each accepted request until all are decided, or the time is over. */
  async #readOutcomes(
    ask: NonNullable<ShopReader['outcome']>,
    ledger: LoadLedger,
    deadlineMs: number,
  ): Promise<ReadonlyMap<number, Decided>> {
    const { signal } = this.abort;
    const outcomes = new Map<number, Decided>();
    let open: number[] = [];
    for (let at = 0; at < ledger.count; at++) if (ledger.status(at) === 'accepted') open.push(at);
    while (open.length > 0) {
      const rest = open.values();
      const still: number[] = [];
      const askInTurn = async () => {
        for (const request of rest) {
          signal.throwIfAborted();
          const { id } = toldBy(ledger, request);
          const found =
            performance.now() < deadlineMs
              ? await this.#patiently(() => ask({ id, buyer: ledger.userId(request) }), deadlineMs)
              : 'pending';
          if (found === 'pending') still.push(request);
          else outcomes.set(request, found);
        }
      };
      await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askInTurn));
      open = still;
      if (open.length === 0 || performance.now() >= deadlineMs) break;
      await sleep(LOOK_MS, undefined, { signal });
    }
    return outcomes;
  }

  /** Reads again what failed, where parts were broken on purpose: the shop may connect to them again only now. */
  async #patiently<Value>(read: () => Promise<Value>, deadlineMs: number): Promise<Value> {
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (!this.#faults || performance.now() >= deadlineMs) throw error;
      }
      await sleep(LOOK_MS, undefined, { signal: this.abort.signal });
    }
  }

  /** The owners, once two looks find the same number: a request without an answer may still be at work. */
  async #readOwners(reader: ShopReader, deadlineMs: number): Promise<readonly Owned[]> {
    const read = () => this.#patiently(() => reader.owners(), deadlineMs);
    let owners = await read();
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: this.abort.signal });
      const again = await read();
      if (again.length === owners.length || performance.now() >= deadlineMs) return again;
      owners = again;
    }
  }
}

/** What nobody measured is left out: there is no look at the stock during the attack, and no Postgres of ours. */
const ofShop = (row: Sample): Sample => ({ ...row, remaining: null, committed: 0 });
