/** The state of an attack in words that newcomers understand too. */
import { whole, milliseconds, plural } from '../../contract/format.ts';
import type { AttackState } from '../../contract/state.ts';
import { totalRequests, totalStock } from '../../contract/attack-settings.ts';
import { crowdText, crowdUnit, saleStockText, sendingText } from '../../contract/attack-text.ts';
import { isAttackActive } from './attack-phase.ts';
import { notesOf } from '../../contract/run-notes.ts';
import { describeVerdict } from '../../contract/verdict-text.ts';
import type { SeriesTotals } from '../../contract/series.ts';

export interface Narrative {
  readonly headline: string;
  readonly detail: string;
  /** Why the queue mattered, under a verdict. */
  readonly worth?: string | undefined;
  /** Notes beside a verdict, one sentence each. */
  readonly notes?: readonly string[];
}

/**
 * The headline and detail for an attack's current state.
 * @param isWorkerDown whether no worker is running
 */
export function narrate(
  attack: AttackState,
  totals: SeriesTotals,
  queueDepth: number,
  isWorkerDown = false,
): Narrative {
  const requests = totalRequests(attack.settings);
  const { settings } = attack;
  const stock = totalStock(settings);
  if (attack.target && isAttackActive(attack)) return onOtherShop(attack, attack.target.name, requests);
  if (isWorkerDown && (attack.phase === 'attacking' || attack.phase === 'draining')) {
    return {
      headline: `No worker decides. The queue keeps ${plural(queueDepth, 'accepted reservation')}.`,
      detail:
        attack.phase === 'attacking'
          ? 'The gateway keeps accepting. The worker is being restarted.'
          : 'The gateway has answered every request already. The worker is being restarted.',
    };
  }
  switch (attack.phase) {
    case 'preparing':
      return {
        headline: aboutToCome(attack.settings),
        detail:
          (settings.sales ?? 1) > 1
            ? `${saleStockText(settings)} are being opened.`
            : `A new sale with ${plural(stock, 'ticket')} is being opened.`,
      };
    case 'attacking':
      return attacking(attack, totals, queueDepth);
    case 'draining':
      return {
        headline:
          queueDepth > 0
            ? `Every request is answered. The worker decides the last ${whole(queueDepth)}.`
            : 'Every request is answered, and the queue is empty.',
        detail: 'No buyer waits for a page to load: the gateway has answered all of them.',
      };
    case 'auditing':
      return {
        headline: 'The audit is running.',
        detail: 'It compares every request that was sent with what Postgres holds.',
      };
    case 'finished':
      return finished(attack);
    case 'failed':
      return {
        headline: 'The attack could not be finished.',
        detail: attack.failure ? `${attack.failure.message} ${attack.failure.fix}` : 'The logs show why.',
      };
    case 'cancelled':
      return {
        headline: 'The attack was cancelled.',
        detail: `${whole(attack.sent)} of ${whole(requests)} requests had been sent. Half a run proves nothing.`,
      };
  }
}

/** `About to leave: 10,000 requests over 1,000 connections.` */
const aboutToCome = (settings: AttackState['settings'], to = '') =>
  `About to leave${to}: ${sendingText(settings)}.`;

/** A shop that is not ours has no queue or worker to tell of. */
function onOtherShop(attack: AttackState, name: string, requests: number): Narrative {
  const headlines: Partial<Record<AttackState['phase'], string>> = {
    preparing: aboutToCome(attack.settings, ` for ${name}`),
    attacking: `${whole(attack.sent)} of ${whole(requests)} requests have left for ${name}.`,
    draining: `Every request is answered. ${name} is asked who owns what.`,
  };
  return {
    headline: headlines[attack.phase] ?? 'The audit is running.',
    detail: `${whole(attack.accepted)} accepted, ${whole(attack.rejected)} rejected, ${whole(attack.unknown)} without a clear answer.`,
  };
}

/** Only a crowd whose every request has a connection of its own comes at the same moment. */
function crowdHeadline(settings: AttackState['settings']): string {
  const isOneMoment = settings.profile === 'burst' && settings.connections >= settings.requests;
  return isOneMoment && crowdUnit(settings) === 'buyer'
    ? `${crowdText(settings)} at the same moment, each over a connection of their own.`
    : `${sendingText(settings)}.`;
}

function attacking(attack: AttackState, totals: SeriesTotals, queueDepth: number): Narrative {
  const stock = totalStock(attack.settings);
  if (attack.sent === 0 && totals.sent === 0) {
    return {
      headline: crowdHeadline(attack.settings),
      detail: 'Each one is a real HTTP request to the gateway.',
    };
  }
  const isSoldOut = attack.remaining === 0 && attack.granted > 0;
  if (isSoldOut && attack.settings.mode === 'shed') {
    return {
      headline: 'Sold out. The gateway rejects all further requests.',
      detail: `It has rejected ${whole(attack.rejected)}, which never reached RabbitMQ.`,
    };
  }
  if (isSoldOut) {
    const when = totals.soldOutAtMs === undefined ? '' : ` after ${milliseconds(totals.soldOutAtMs)}`;
    return {
      headline: `Sold out${when}. ${plural(stock, 'ticket')}, and the stock is locked.`,
      detail:
        queueDepth > 0
          ? `Queue depth ${whole(queueDepth)}. The worker refuses each as sold out, without a write to Postgres.`
          : 'The worker refuses all further reservations as sold out, without a write to Postgres.',
    };
  }
  return {
    headline:
      queueDepth > 0
        ? `The queue holds ${plural(queueDepth, 'reservation')} until the worker decides them.`
        : 'The worker keeps up: it decides each accepted reservation at once.',
    detail: `${plural(attack.granted, 'ticket')} granted so far, ${whole(attack.remaining)} left. The gateway never waits for the worker, so it stays fast.`,
  };
}

function finished(attack: AttackState): Narrative {
  const { verdict, exitCode, audit, load, settings, target, faults, reasons, speed } = attack;
  if (!verdict || !audit || !load) return { headline: 'The attack has ended.', detail: reasons.join(' ') };
  const { headline, detail } = describeVerdict({
    verdict,
    exitCode,
    attack: settings,
    ...(target && { target }),
    speed,
    faults,
    load,
    audit,
  });
  return {
    headline,
    detail: [detail, ...reasons].join(' '),
    worth: attack.queueWorth,
    notes: notesOf(attack),
  };
}
