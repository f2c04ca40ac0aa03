/** What is known of an attack that failed or was cancelled before its audit. */
import { totalRequests, totalStock } from '../../contract/attack-settings.ts';
import type { AttackState } from '../../contract/state.ts';
import type { Failure } from '../../contract/failure.ts';
import { percent } from '../../contract/format.ts';
import type { Audit, Load } from '../../contract/run-record.ts';
import type { RunParts } from './build-run-record.ts';

/**
 * The load, the audit and the end of such a run.
 * @param failure why it failed; `undefined` when it was cancelled
 * @param audit what the run itself counted
 */
export function unfinishedRun(
  state: AttackState,
  failure: Failure | undefined,
  audit: Pick<Audit, 'refused' | 'isSaleClosed'>,
): Pick<RunParts, 'end' | 'endReason' | 'load' | 'audit'> {
  return {
    end: failure ? 'failed' : 'cancelled',
    endReason: failure
      ? `${failure.message} ${failure.fix}`
      : `It was cancelled when ${percent(state.progress)} of its requests were answered.`,
    load: state.load ?? loadSoFar(state),
    audit: {
      stock: totalStock(state.settings),
      sold: 0,
      granted: state.granted,
      pending: 0,
      lost: 0,
      duplicated: 0,
      oversold: 0,
      undersold: 0,
      unknownResolved: 0,
      drainMs: 0,
      checks: [],
      ...audit,
    },
  };
}

/** The load as the generators' intervals counted it: these generators delivered no result. */
function loadSoFar({ settings, sent, accepted, rejected, unknown, firstRequestAtMs }: AttackState): Load {
  const durationMs = firstRequestAtMs === undefined ? 0 : Math.max(0, Date.now() - firstRequestAtMs);
  return {
    sent,
    accepted,
    rejected,
    unknown,
    unsent: totalRequests(settings) - sent,
    rps: durationMs > 0 ? ((accepted + rejected) * 1_000) / durationMs : 0,
    durationMs,
    latencyMs: { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 },
    statusCounts: {},
    generator: {
      processes: 0,
      eventLoopLagMaxMs: 0,
      eventLoopLagP99Ms: 0,
      cpuShare: 0,
      rateReached: 0,
      limits: [],
    },
  };
}
