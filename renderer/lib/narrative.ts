/** What is going on, in words for somebody who has never heard of a message queue. */
import type { AttackState } from '../../electron/control/contract.ts';
import { totalRequests } from '../../electron/control/attack/profile.ts';
import { tellVerdict } from '../../electron/control/report/verdict-text.ts';
import type { SeriesTotals } from '../store/series.ts';
import { formatCount, formatMs, plural } from './format.ts';

export interface Narrative {
  readonly headline: string;
  readonly detail: string;
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
      headline: `Nobody decides: the worker is dead. The queue keeps ${plural(queueDepth, 'buyer')} in line.`,
      detail:
        attack.phase === 'attacking'
          ? 'The door goes on taking names, as fast as before. Another worker is being started.'
          : 'Everybody has an answer from the door already. Another worker is being started.',
    };
  }
  switch (attack.phase) {
    case 'preparing':
      return {
        headline: `${formatCount(buyers)} buyers gather at the door.`,
        detail: `A fresh sale with ${plural(stock, 'ticket')} is being opened.`,
      };
    case 'attacking':
      return attacking(attack, totals, queueDepth, buyers);
    case 'draining':
      return {
        headline:
          queueDepth > 0
            ? `Everybody has a place in line. The worker decides the last ${formatCount(queueDepth)}.`
            : 'Everybody has a place in line, and the line is empty.',
        detail: 'No buyer is waiting on a spinning page: the door answered them long ago.',
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
        headline: 'The attack was called off.',
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
      headline: 'Sold out. Latecomers are turned away at the door.',
      detail: `The gateway refused ${formatCount(attack.refused)} by itself: they never reached the queue.`,
    };
  }
  if (isSoldOut) {
    const when = totals.soldOutAtMs === undefined ? '' : ` after ${formatMs(totals.soldOutAtMs)}`;
    return {
      headline: `Sold out${when}. ${plural(stock, 'ticket')}, and the stock is locked.`,
      detail:
        queueDepth > 0
          ? `The queue holds ${plural(queueDepth, 'more buyer')}; each gets a quick, fair “no” without touching the database.`
          : 'Whoever comes now gets a quick, fair “no” without touching the database.',
    };
  }
  return {
    headline:
      queueDepth > 0
        ? `The queue holds ${plural(queueDepth, 'buyer')} while the worker decides, one by one.`
        : 'The worker keeps up: whoever gets in line is decided at once.',
    detail: `${plural(attack.granted, 'ticket')} sold so far, ${formatCount(attack.remaining)} left. The door only takes names, so it stays fast.`,
  };
}

function finished({ verdict, audit, load, settings, workersKilledAtMs, reasons }: AttackState): Narrative {
  if (!verdict || !audit || !load) return { headline: 'The attack has ended.', detail: reasons.join(' ') };
  const { headline, detail } = tellVerdict({ verdict, attack: settings, workersKilledAtMs, load, audit });
  return { headline, detail: [detail, ...reasons].join(' ') };
}
