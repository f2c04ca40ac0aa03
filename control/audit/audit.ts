/** Audits a run: waits until the queue is drained, gathers the evidence from every side, and judges it. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createPool, openPool } from '../../services/shared/postgres.ts';
import { createRedis } from '../../services/shared/redis.ts';
import { SaleStore } from '../../services/shared/sale-store.ts';
import type { SaleStatus } from '../../services/shared/sales.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Deployment } from '../cluster/cluster.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { withLimit } from '../../services/shared/time-limit.ts';
import { CHECKS, CHECK_IDS } from '../../contract/checks.ts';
import type { Audit } from '../../contract/run-record.ts';
import type { DeadFrame } from '../../contract/state.ts';
import { milliseconds, plural } from '../../contract/format.ts';
import { ALL_CHECKS } from './checks/all-checks.ts';
import { unjudged } from './checks/check.ts';
import { isOpen } from './checks/open.ts';
import { findOutcomeFaults } from './checks/single-outcome.ts';
import { waitForDrain, type DrainProgress } from './drain.ts';
import {
  isUnasked,
  joinTickets,
  prepareEvidence,
  type Evidence,
  type QueueCounts,
  type RawEvidence,
} from './evidence.ts';
import { BackendTimes } from './event-times.ts';
import { indexFrames } from './frame-index.ts';
import type { LoadLedger } from './ledger.ts';
import { QueueProbe } from './queue-probe.ts';
import { readOutcomes } from './read-outcomes.ts';
import { NO_TICKETS, readTickets } from './read-tickets.ts';
import { ledgersBySale, sumOfSales, type JudgedSale } from './several-sales.ts';
import { forEachAtOnce } from '../lib/at-once.ts';
import { commandLine } from '../lib/command-line.ts';
import { errorText } from '../../services/shared/error-text.ts';

/** ms that one look at the backends may take. */
const PROBE_LIMIT_MS = 10_000;
/** Pauses, in ms, between two gatherings while a worker has reservations in hand. */
const RETRY_PAUSE_MS = { first: 250, most: 4_000 };
/**
 * ms past the time for draining that gathering may take: a backend that has just come back must not cost the
 * verdict.
 */
const GATHER_GRACE_MS = 15_000;
/**
 * ms without a new ticket after which a granted reservation without one counts as lost, and a unit without one as gone: a
 * worker decides before it commits.
 */
const COMMIT_QUIET_MS = 5_000;
/** Sales that are judged without letting others have their turn. */
const TURN_SALES = 100;
/** Failed sales whose witnesses are told when rows and decisions came about. */
const MAX_LOOKUPS = 10;
const SILENT = 'the backends did not answer in time';

export interface AuditInput {
  readonly sale: { readonly id: string; readonly stock: number; readonly perBuyerLimit: number };
  /** Where there are several sales, all with that stock and limit: their ids, and which of them a request is for. */
  readonly several?: { readonly ids: readonly string[]; saleOf(request: number): number } | undefined;
  readonly ledger: LoadLedger;
  readonly deployment: Deployment;
  /** ms that the queue may take to drain. */
  readonly drainTimeoutMs: number;
  /** ms since the last answer: they count as draining, too. */
  readonly waitedMs?: number;
  readonly signal: AbortSignal;
  /** Frames in the dead-letter queue before the run; 0 by default. `countDeadFrames` tells it. */
  readonly deadBefore?: number;
  onDrainProgress?(progress: DrainProgress): void;
  /** Whether a backend has ended and nothing will start it again. */
  isBackendLost?(): boolean;
  /**
   * Closes the sale before the last look; resolves to false when that is not possible. By then everything
   * accepted is decided, or its time is up. The worker refuses what comes later.
   */
  closeSale?(): Promise<boolean>;
  /**
   * The longest time in ms for which a part stood still or was away: what it had in hand came that much
   * later.
   */
  heldUpMs?(): number;
  /** The parts that are missing now, each as a sentence: they explain what stays undecided. */
  missingParts?(): string[];
  /** The moment 0 of the ledger, as a Unix time in ms: witnesses then tell when rows and decisions came about. */
  readonly startedAtMs?: number | undefined;
  /** The first frame that the run put into the dead-letter queue; asked for its witness only, when there is one. */
  readonly readDeadLetter?: (queues: QueueCounts) => Promise<DeadFrame | undefined>;
  /** The records that workers published, by frame id; asked for when Redis lacks one. */
  published?(): ReadonlyMap<string, string>;
  /** Checks that can't be right under the attack's behaviours, each with the reason. */
  readonly notJudged?: Evidence['notJudged'];
  /** Spoils what the last look will find, on purpose; called once, after the sale is closed. */
  plant?(evidence: Evidence): Promise<void>;
  /** What the verdict rests on, once it is final: of each sale, with what its checks found. */
  onEvidence?(judged: readonly JudgedSale[]): void;
  /** The queue is drained, or the time is over, and evidence is being gathered; again for each repetition. */
  onDrained?(): void;
}

/**
 * Audits a run. It also gives a verdict when the queue did not drain in time: checks that need what is still
 * undecided are then open.
 * @throws FailureError `audit.backendAway` when a backend can't be asked; the signal's reason on abort
 */
export async function audit(input: AuditInput): Promise<Audit> {
  const release = new ReleaseStack();
  try {
    return await auditWith(input, release);
  } finally {
    await release.release();
  }
}

/** Frames in the dead-letter queue now, to distinguish them from those of the next run. */
export async function countDeadFrames(deployment: Deployment): Promise<number> {
  const probe = new QueueProbe(deployment);
  try {
    return (await withLimit(probe.count(), PROBE_LIMIT_MS, 'RabbitMQ did not answer')).dead;
  } finally {
    await probe.close();
  }
}

async function auditWith(input: AuditInput, release: ReleaseStack): Promise<Audit> {
  const { ledger, deployment, signal } = input;
  const pool = createPool({
    url: deployment.postgresAuditUrl ?? deployment.postgresUrl,
    schema: deployment.postgresSchema,
    max: 1,
    name: 'audit',
  });
  release.add('Postgres connection of the audit', () => pool.end());
  const redis = createRedis(deployment.redisUrl, { role: 'control' });
  release.add('Redis connection of the audit', () => redis.disconnect());
  const queues = new QueueProbe(deployment);
  release.add('RabbitMQ connection of the audit', () => queues.close());
  const sales = new SaleStore(redis, deployment.namespace);
  const parts = partsOf(input);

  const accepted = countAccepted(ledger);
  const deadline = performance.now() + input.drainTimeoutMs;
  let drainMs = input.waitedMs ?? 0;
  let pauseMs = RETRY_PAUSE_MS.first;
  let ticketsSeen = -1;
  let lastTicketAtMs = 0;
  let hasDrained = false;
  let isSaleClosed: boolean | undefined;
  /** As the sale stood while it was attacked. */
  let statusInAttack: SaleStatus | undefined;
  for (;;) {
    const startedAt = performance.now();
    const drain = await waitForDrain({
      accepted,
      signal,
      timeoutMs: Math.max(0, deadline - startedAt),
      probe: async () => {
        const looks = Promise.all([queues.count(), parts.length === 1 ? decidedOf(parts, sales) : 0]);
        const [{ waiting }, decided] = await withLimit(looks, PROBE_LIMIT_MS, SILENT);
        // Thousands of sales are asked only once that can end the wait.
        if (parts.length === 1 || waiting > 0) return { waiting, decided };
        return { waiting, decided: await withLimit(decidedOf(parts, sales), PROBE_LIMIT_MS, SILENT) };
      },
      onProgress: (progress) => input.onDrainProgress?.(progress),
      isBackendLost: () => input.isBackendLost?.() ?? false,
    });
    drainMs += drain.durationMs;
    hasDrained ||= drain.lastError === undefined;
    // Backends are asked until the time is up, and a little longer while evidence is gathered.
    const isOver = () =>
      performance.now() >= deadline + (hasDrained ? GATHER_GRACE_MS : 0) || input.isBackendLost?.() === true;
    if (drain.lastError !== undefined && isOver()) throw backendAway(drain.lastError);
    if (drain.lastError === undefined) input.onDrained?.();
    let evidence: readonly Evidence[];
    try {
      evidence = await gather(input, parts, { pool, redis, queues, sales }, statusInAttack);
    } catch (error) {
      signal.throwIfAborted();
      if (isOver()) throw backendAway(error);
      await sleep(RETRY_PAUSE_MS.first, undefined, { signal });
      continue;
    }
    const nowMs = performance.now();
    const sum = (count: (of: Evidence) => number) => evidence.reduce((all, one) => all + count(one), 0);
    const tickets = sum((one) => one.tickets.count);
    if (tickets !== ticketsSeen) {
      ticketsSeen = tickets;
      lastTicketAtMs = nowMs;
    }
    // Frames that a worker holds are not in the queue: give them the rest of the time.
    const missing = input.missingParts?.() ?? [];
    const uncommitted = sum((one) => findOutcomeFaults(one).ticketMissing.count);
    const isQuiet = nowMs - lastTicketAtMs >= COMMIT_QUIET_MS && missing.length === 0;
    const waiting = evidence[0]?.queues.waiting ?? 0;
    // A worker that died after the drain has given its frames back.
    // A worker brings back a sale that Redis has forgotten, too.
    const isUnwritten =
      uncommitted > 0 ||
      sum(unitsWithoutTicket) > 0 ||
      evidence.some((one) => one.counters === undefined && !isUnasked(one));
    const isInHand = sum((one) => one.totals.pending) > 0 || waiting > 0 || (isUnwritten && !isQuiet);
    if (!isInHand || nowMs >= deadline) {
      if (isSaleClosed !== undefined || input.closeSale === undefined) {
        const isUnfinished = isInHand || uncommitted > 0;
        const undecided = isUnfinished ? [...stillWaiting(waiting, drainMs), ...missing] : [];
        const judged = await judgeAtEnd(input, { pool, redis }, evidence, drainMs, undecided);
        input.onEvidence?.(judged);
        return {
          ...sumOfSales(judged, parts.length),
          ...(isSaleClosed === undefined ? {} : { isSaleClosed }),
        };
      }
      const [first] = evidence;
      statusInAttack = first?.sale.status;
      isSaleClosed = await input.closeSale();
      if (first) await input.plant?.(first);
      // The next look sees what came in between this one and the closing.
      continue;
    }
    await sleep(Math.min(pauseMs, Math.max(1, deadline - nowMs)), undefined, { signal });
    drainMs += pauseMs;
    pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS.most);
  }
}

/** Units that Redis has given away and that no ticket holds yet. Nobody may wait for them: their requests have no clear answer. */
function unitsWithoutTicket({ sale, counters, tickets }: Evidence): number {
  return counters === undefined ? 0 : sale.stock - counters.remaining - tickets.count;
}

interface Sources {
  readonly pool: ReturnType<typeof createPool>;
  readonly redis: ReturnType<typeof createRedis>;
  readonly queues: QueueProbe;
  readonly sales: SaleStore;
}

/** One of the sales that are audited, and the requests that were for it. */
interface SalePart {
  readonly sale: AuditInput['sale'];
  readonly ledger: LoadLedger;
}

function partsOf({ sale, ledger, several }: AuditInput): readonly SalePart[] {
  if (!several) return [{ sale, ledger }];
  const { ids, saleOf } = several;
  return ledgersBySale(ledger, ids.length, saleOf).map((own, place) => ({
    sale: { ...sale, id: ids[place] ?? '' },
    ledger: own,
  }));
}

/** Reservations that are decided, in all sales. */
async function decidedOf(parts: readonly SalePart[], sales: SaleStore): Promise<number> {
  let decided = 0;
  await forEachAtOnce(parts, async ({ sale }) => {
    // In one step: of a sum that is read before the wait, the sales that are read meanwhile would be lost.
    const state = await sales.readSale(sale.id);
    decided += state?.counters.decided ?? 0;
  });
  return decided;
}

async function gather(
  input: AuditInput,
  parts: readonly SalePart[],
  { pool, redis, queues, sales }: Sources,
  status: SaleStatus | undefined,
): Promise<readonly Evidence[]> {
  const { deployment, signal } = input;
  await openPool(pool);
  const ticketsOf = await readTickets(
    pool,
    parts.map(({ sale }) => sale.id),
    signal,
  );
  const found: Omit<RawEvidence, 'queues'>[] = [];
  await forEachAtOnce(parts, async ({ sale, ledger }, at) => {
    const tickets = ticketsOf[at] ?? NO_TICKETS;
    // Each step takes up to a second of a million requests: between them, the window and the terminal get their
    // turn.
    await nextTurn();
    const join = joinTickets(ledger, tickets);
    await nextTurn();
    const index = indexFrames(sale.id, ledger, join.strays);
    const outcomes = await readOutcomes(
      redis,
      deployment.namespace,
      { id: sale.id, generation: (await sales.readEpoch(sale.id))?.generation ?? 1 },
      index,
      ledger.count + join.strays.length,
      signal,
      input.published?.bind(input),
    );
    const view = await sales.readSale(sale.id);
    found[at] = {
      sale: { ...sale, status: status ?? view?.status ?? 'open' },
      ledger,
      tickets,
      join,
      outcomes,
      duplicates: index.duplicates,
      repeats: index.repeats,
      notJudged: input.notJudged ?? {},
      counters: view?.counters,
      heldUpMs: input.heldUpMs?.() ?? 0,
    };
  });
  const counted = await withLimit(queues.count(), PROBE_LIMIT_MS, 'RabbitMQ did not answer');
  const counts = { ...counted, deadBefore: input.deadBefore ?? 0 };
  return found.map((raw) => prepareEvidence({ ...raw, queues: counts }));
}

/** Each sale with what its checks found. When one failed, it looks up what its witness then tells: when rows and decisions came about, and which frame died. */
async function judgeAtEnd(
  input: AuditInput,
  sources: Pick<Sources, 'pool' | 'redis'>,
  evidence: readonly Evidence[],
  drainMs: number,
  undecided: readonly string[],
): Promise<readonly JudgedSale[]> {
  const judged: JudgedSale[] = [];
  let lookups = 0;
  for (const [at, one] of evidence.entries()) {
    // What is gone from Redis and was never asked for comes back with its first frame: nothing was promised.
    if (evidence.length > 1 && isUnasked(one) && one.counters === undefined) continue;
    if (at % TURN_SALES === TURN_SALES - 1) await nextTurn();
    const { startedAtMs } = input;
    const times = startedAtMs === undefined ? undefined : new BackendTimes(startedAtMs);
    let audit = judge(times ? { ...one, times } : one, drainMs, undecided);
    if (startedAtMs !== undefined && times && !audit.checks.every(({ ok }) => ok) && lookups++ < MAX_LOOKUPS)
      audit = judge(await withMoments({ ...input, startedAtMs }, sources, one, times), drainMs, undecided);
    judged.push({ evidence: one, audit });
  }
  return judged;
}

/** The evidence of a sale of which a check failed, with the moments that its witness asked for. */
async function withMoments(
  { deployment, startedAtMs, readDeadLetter }: AuditInput & { readonly startedAtMs: number },
  { pool, redis }: Pick<Sources, 'pool' | 'redis'>,
  evidence: Evidence,
  times: BackendTimes,
): Promise<Evidence> {
  // What a backend would not tell now, the witness does not know.
  const within = <Value>(look: Promise<Value>) =>
    withLimit(look, PROBE_LIMIT_MS, 'no answer').catch(() => undefined);
  await within(times.read({ pool, redis, namespace: deployment.namespace, saleId: evidence.sale.id }));
  const letter = readDeadLetter && (await within(readDeadLetter(evidence.queues)));
  const { closedAtMs } = letter ?? {};
  const deadLetter = letter && {
    ...letter,
    closedAtMs: closedAtMs === undefined ? undefined : closedAtMs - startedAtMs,
  };
  return { ...evidence, times, ...(deadLetter && { deadLetter }) };
}

function stillWaiting(waiting: number, drainMs: number): string[] {
  if (waiting === 0) return [];
  const verb = waiting === 1 ? 'waits' : 'wait';
  return [`${plural(waiting, 'frame')} still ${verb} in the queue after ${milliseconds(drainMs)}.`];
}

/**
 * Runs all checks on the evidence and sums it up.
 * @param undecided why something is not decided yet; a check that fails for that alone is open, and not
 *   broken
 */
export function judge(evidence: Evidence, drainMs: number, undecided: readonly string[] = []): Audit {
  const { sale, tickets, totals, queues } = evidence;
  const checks = CHECK_IDS.map((id) => {
    const notJudged = evidence.shop?.notJudged[id] ?? evidence.notJudged?.[id];
    const { title } = CHECKS[id];
    const shownTitle = evidence.shop ? (CHECKS[id].shopTitle ?? title) : title;
    if (notJudged !== undefined) return unjudged(id, shownTitle, notJudged);
    const check = ALL_CHECKS[id](evidence);
    if (evidence.shop) return { ...check, title: shownTitle };
    return !check.ok && undecided.length > 0 && isOpen(check) ? { ...check, isOpen: true } : check;
  });
  const faults = findOutcomeFaults(evidence);
  const countOf = (id: string, name: string) =>
    checks.find((check) => check.id === id)?.evidence.counts[name] ?? 0;
  return {
    stock: sale.stock,
    sold: tickets.count,
    granted: totals.granted,
    refused: totals.refused,
    pending: totals.pending,
    // Accepted and lost: no outcome at all, or a grant without its ticket. Undecided is not lost.
    lost: undecided.length > 0 ? 0 : totals.pending + faults.ticketMissing.count,
    duplicated: faults.sharedId.count + faults.ticketOfRefused.count + faults.otherUnits.count,
    // One ticket too many may be a unit sold twice, out of range and beyond the stock at once: it counts
    // once.
    oversold: Math.max(
      countOf('no_oversell', 'beyondStock'),
      countOf('no_oversell', 'soldTwice') + countOf('no_oversell', 'outOfRange'),
    ),
    undersold: countOf('no_undersell', 'undersold'),
    // Once everything is decided, a request without a ticket is known to have got none.
    unknownGranted: totals.unknownGranted,
    ...(evidence.outcomes.fromPublished ? { fromPublished: evidence.outcomes.fromPublished } : {}),
    ...(undecided.length === 0 ? {} : { undecided: [...undecided] }),
    unknownResolved: queues.waiting === 0 && totals.pending === 0 ? totals.unknown : totals.unknownGranted,
    drainMs: Math.round(drainMs),
    checks,
  };
}

function countAccepted(ledger: LoadLedger): number {
  let accepted = 0;
  for (let request = 0; request < ledger.count; request++)
    if (ledger.status(request) === 'accepted') accepted++;
  return accepted;
}

function backendAway(cause: unknown): FailureError {
  const reason = errorText(cause);
  return new FailureError(
    {
      code: 'audit.backendAway',
      message: `The audit could not ask the backends: ${reason || 'no answer'}.`,
      fix: `See which backend is away: on the Control page, or with \`${commandLine('status')}\`. Repeat the attack once it serves.`,
    },
    { cause },
  );
}
