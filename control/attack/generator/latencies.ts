/**
 * The latencies of one process, by outcome and by the moment they count from. They are made at the end, from what was
 * noted of each request anyway: a request costs nothing more for it.
 */
import type { ResultMessage } from '../protocol/generator-messages.ts';
import { LatencyHistogram } from '../protocol/latency-histogram.ts';
import { NOTHING, STATUS_CODES, type Columns } from '../protocol/request-log.ts';

/**
 * Those of all requests that had an answer, also of one that decided nothing (`unknown`).
 * @param dueMs when a request should have left; missing for a burst
 * @param isLeftOut whether the buyer delayed its answer itself
 */
export function latenciesOf(
  { status, sentUs, answeredUs }: Columns,
  dueMs: ((index: number) => number) | undefined,
  isLeftOut: (index: number) => boolean = () => false,
): ResultMessage['latencies'] {
  return (['accepted', 'rejected', 'unknown'] as const).flatMap((outcome) => {
    const [intended, sent] = [new LatencyHistogram(), new LatencyHistogram()];
    for (let at = 0; at < status.length; at++) {
      const answered = answeredUs[at] ?? NOTHING;
      if (status[at] !== STATUS_CODES[outcome] || answered === NOTHING || isLeftOut(at)) continue;
      sent.recordUs(answered - (sentUs[at] ?? 0));
      if (dueMs) intended.recordUs(answered - dueMs(at) * 1000);
    }
    return [
      ...(dueMs && intended.count > 0
        ? [{ outcome, from: 'intended', histogram: intended.data() } as const]
        : []),
      ...(sent.count > 0 ? [{ outcome, from: 'sent', histogram: sent.data() } as const] : []),
    ];
  });
}
