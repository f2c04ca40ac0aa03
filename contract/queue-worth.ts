/** Why the queue mattered in a run: one sentence of figures that the run measured, and nothing else. */
import { BACKEND_TITLES } from './backends.ts';
import { DESIGNS, type DesignId } from './designs.ts';
import { milliseconds, percent, plural, whole } from './format.ts';
import type { Incident, RunRecord } from './run-record.ts';
import type { RunSummary } from './state.ts';

/** ms by which the last decision has to come later than the last answer, to be worth a word. */
const LATER_MS = 100;
/** A part that was away for less was not missed. */
const AWAY_MS = 100;

type Worth = Pick<
  RunRecord,
  'attack' | 'series' | 'load' | 'audit' | 'incidents' | 'environment' | 'target' | 'withoutQueue'
>;

/** `undefined` where nothing waited, or where there is no queue of ours. */
export function queueWorth(run: Worth): string | undefined {
  const { attack, series, load, audit, target, withoutQueue } = run;
  const peak = Math.max(0, ...series.map(({ queueDepth }) => queueDepth));
  if (target || audit.checks.length === 0 || peak === 0 || load.accepted === 0) return undefined;
  const many =
    load.accepted === load.sent
      ? `all ${whole(load.sent)} accepted`
      : `${whole(load.accepted)} of ${whole(load.sent)} accepted`;
  // Under a rate they come for as long as was asked for: what counts is how long each one waited.
  const within =
    attack.profile === 'burst'
      ? `within ${milliseconds(load.durationMs)}`
      : `the slowest answer after ${milliseconds(load.latencyMs.max)}`;
  const without = withoutQueue
    ? `; without the queue ${percent(withoutQueue.failed / withoutQueue.sent)} would have failed, as in ${withoutQueue.runId} (${DESIGNS[withoutQueue.design].title})`
    : '';
  return `Peak ${whole(peak)} waiting; ${many}${attack.profile === 'burst' ? ' ' : ', '}${within}${meanwhile(run)}${without}.`;
}

/** What did not decide meanwhile. */
function meanwhile({ series, load, incidents = [], environment: { workers } }: Worth): string {
  const endMs = series.at(-1)?.tMs ?? 0;
  const deadMs = longest(
    Array.from({ length: workers }, (_, at) => awayTimes(`worker-${at + 1}`, incidents, endMs)),
  );
  if (workers > 0 && deadMs >= AWAY_MS) {
    const who = workers === 1 ? 'the worker was' : `all ${plural(workers, 'worker')} were`;
    return ` while ${who} dead for ${milliseconds(deadMs)}`;
  }
  for (const part of ['redis', 'postgres'] as const) {
    const awayMs = longest([awayTimes(part, incidents, endMs)]);
    if (awayMs >= AWAY_MS) return ` while ${BACKEND_TITLES[part]} was away for ${milliseconds(awayMs)}`;
  }
  const decided = series.findLastIndex(({ granted, refused }) => granted + refused > 0);
  const laterMs = (series[decided]?.tMs ?? 0) - load.durationMs;
  // The last row was added by the audit: when it was decided is not known.
  return decided < series.length - 1 && laterMs >= LATER_MS
    ? `, the last one decided ${milliseconds(laterMs)} later`
    : '';
}

type Stretch = readonly [fromMs: number, toMs: number];

/** When a part was away or stood still. */
function awayTimes(id: string, incidents: readonly Incident[], endMs: number): Stretch[] {
  const times: Stretch[] = [];
  let sinceMs: number | undefined;
  for (const { part, kind, tMs, lengthMs = 0 } of incidents) {
    if (part !== id) continue;
    if (kind === 'paused') times.push([tMs, tMs + lengthMs]);
    else if (kind === 'ended' || kind === 'failed') sinceMs ??= tMs;
    else if (kind === 'back' && sinceMs !== undefined) {
      times.push([sinceMs, tMs]);
      sinceMs = undefined;
    }
  }
  return sinceMs === undefined ? times : [...times, [sinceMs, endMs]];
}

/** The longest time for which all parts were away together. */
function longest(parts: readonly (readonly Stretch[])[]): number {
  const [first = [], ...others] = parts;
  const together = others.reduce<readonly Stretch[]>(
    (shared, times) =>
      shared.flatMap(([a, b]) =>
        times
          .map(([from, to]): Stretch => [Math.max(a, from), Math.min(b, to)])
          .filter(([from, to]) => to > from),
      ),
    first,
  );
  return Math.max(0, ...together.map(([from, to]) => to - from));
}

/** The best of the designs without a queue, one on each database: others would be opponents of straw. */
const WITHOUT_QUEUE = ['atomic-update', 'redis-lua'] as const satisfies readonly DesignId[];

/** The newest kept run of the lab in which a design without a queue had the same crowd. */
export function runWithoutQueue(
  { attack, target }: Pick<RunRecord, 'attack' | 'target'>,
  runs: readonly RunSummary[],
): { readonly id: string; readonly design: DesignId } | undefined {
  if (target || attack.profile !== 'burst') return undefined;
  for (const run of [...runs].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))) {
    const { group = '' } = run;
    const design = WITHOUT_QUEUE.find((id) => group.startsWith('group-lab-') && group.endsWith(`-${id}`));
    if (design === undefined) continue;
    const { requests, connections, stock } = run;
    if (requests === attack.requests && connections === attack.connections && stock === attack.stock)
      return { id: run.id, design };
  }
  return undefined;
}

/** What failed in that run; `undefined` where it was on another machine, or did not end. */
export function failedWithoutQueue(
  design: DesignId,
  { id, load, environment, end }: RunRecord,
  here: RunRecord['environment'],
): RunRecord['withoutQueue'] {
  const isHere = (['os', 'cpu', 'cores', 'memoryBytes'] as const).every(
    (key) => environment[key] === here[key],
  );
  if (!isHere || load.sent === 0 || (end ?? 'finished') !== 'finished') return undefined;
  const soldOut = load.causes?.['409 sold-out'] ?? 0;
  return { runId: id, design, sent: load.sent, failed: load.sent - load.accepted - soldOut };
}
