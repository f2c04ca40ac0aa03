/** What is going on, in words for somebody who has never heard of a message queue. */
import type { AttackState } from '../../contract/contract.ts';
import { totalRequests } from '../../contract/attack-settings.ts';
import { notesOf } from '../../contract/run-notes.ts';
import { describeVerdict } from '../../contract/verdict-text.ts';
import type { SeriesTotals } from '../../contract/series.ts';
import { formatCount, formatMs, plural } from './format.ts';

export interface Narrative {
  readonly headline: string;
  readonly detail: string;
  /** What must be known beside a verdict, one sentence each. */
  readonly notes?: readonly string[];
}

/**
 * The attack's story at this moment.
 * @param queueDepth reservations that wait for the worker now
 * @param isWorkerDown whether no worker runs that could decide
 */
export function narrate(
  attack: AttackState,
  totals: SeriesTotals,
  queueDepth: number,
  isWorkerDown = false,
): Narrative {
  const buyers = totalRequests(attack.settings);
  const { stock } = attack.settings;
  if (isWorkerDown && (attack.phase === 'attacking' || attack.phase === 'draining')) {
    return {
      headline: `No worker decides. The queue keeps ${plural(queueDepth, 'accepted reservation')}.`,
      detail:
        attack.phase === 'attacking'
          ? 'The gateway goes on accepting. The worker is being started again.'
          : 'Every request has its answer from the gateway already. The worker is being started again.',
    };
  }
  switch (attack.phase) {
    case 'preparing':
      return {
        headline: `${formatCount(buyers)} buyers are about to ask.`,
        detail: `A fresh sale with ${plural(stock, 'ticket')} is being opened.`,
      };
    case 'attacking':
      return attacking(attack, totals, queueDepth, buyers);
    case 'draining':
      return {
        headline:
          queueDepth > 0
            ? `Every request is answered. The worker decides the last ${formatCount(queueDepth)}.`
            : 'Every request is answered, and the queue is empty.',
        detail: 'No buyer is waiting on a spinning page: the gateway answered them long ago.',
      };
    case 'auditing':
      return {
        headline: 'Now the proof.',
        detail: 'Every request that was sent is compared with what the database really holds.',
      };
    case 'finished':
      return finished(attack);
    case 'failed':
      return {
        headline: 'The attack could not be finished.',
        detail: attack.failure ? `${attack.failure.message} ${attack.failure.fix}` : 'The logs tell why.',
      };
    case 'cancelled':
      return {
        headline: 'The attack was cancelled.',
        detail: `${formatCount(attack.sent)} of ${formatCount(buyers)} requests had been sent. Nothing is proven by a half run.`,
      };
  }
}

function attacking(attack: AttackState, totals: SeriesTotals, queueDepth: number, buyers: number): Narrative {
  const { stock } = attack.settings;
  if (attack.sent === 0 && totals.sent === 0) {
    return {
      headline: `${formatCount(buyers)} buyers press “buy” at the same moment.`,
      detail: 'Each is one real request to the gateway.',
    };
  }
  const isSoldOut = attack.remaining === 0 && attack.granted > 0;
  if (isSoldOut && attack.settings.mode === 'shed') {
    return {
      headline: 'Sold out. The gateway rejects whoever comes now.',
      detail: `It rejected ${formatCount(attack.rejected)} by itself: they never reached the queue.`,
    };
  }
  if (isSoldOut) {
    const when = totals.soldOutAtMs === undefined ? '' : ` after ${formatMs(totals.soldOutAtMs)}`;
    return {
      headline: `Sold out${when}. ${plural(stock, 'ticket')}, and the stock is locked.`,
      detail:
        queueDepth > 0
          ? `Queue depth ${formatCount(queueDepth)}: the worker refuses each as sold out, without touching the database.`
          : 'The worker refuses whoever comes now as sold out, without touching the database.',
    };
  }
  return {
    headline:
      queueDepth > 0
        ? `The queue holds ${plural(queueDepth, 'reservation')} while the worker decides, one by one.`
        : 'The worker keeps up: what is accepted is decided at once.',
    detail: `${plural(attack.granted, 'ticket')} granted so far, ${formatCount(attack.remaining)} left. The gateway only accepts, so it stays fast.`,
  };
}

function finished(attack: AttackState): Narrative {
  const { verdict, exitCode, audit, load, settings, workersKilledAtMs, reasons } = attack;
  if (!verdict || !audit || !load) return { headline: 'The attack has ended.', detail: reasons.join(' ') };
  const { headline, detail } = describeVerdict({
    verdict,
    exitCode,
    attack: settings,
    workersKilledAtMs,
    load,
    audit,
  });
  return { headline, detail: [detail, ...reasons].join(' '), notes: notesOf(attack) };
}
