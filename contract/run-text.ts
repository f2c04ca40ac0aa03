/** What every export says of a run in words. */
import { totalRequests, type AttackSettings } from './attack-settings.ts';
import type { RunSummary } from './contract.ts';
import { plural, whole } from './format.ts';
import type { RunRecord } from './run-record.ts';
import { tellVerdict, verdictShown } from './verdict-text.ts';

/** `10,000 buyers, 20 tickets`: what the run is called, and its sale. */
export function titleOf(attack: AttackSettings): string {
  const buyers =
    attack.profile === 'burst'
      ? plural(attack.requests, 'buyer')
      : `${whole(attack.ratePerSec)} buyers a second for ${plural(attack.durationSec, 'second')}`;
  const incident = attack.killWorkersAtPercent === undefined ? [] : ['workers killed'];
  return [buyers, plural(attack.stock, 'ticket'), ...incident].join(', ');
}

/** The verdict in one word. */
export function verdictWord({
  verdict,
  exitCode,
  end,
}: Pick<RunRecord, 'verdict' | 'exitCode' | 'end'>): string {
  if (end === 'cancelled') return 'CANCELLED';
  if (end === 'failed') return 'NOT FINISHED';
  if (verdict === 'pass') return 'PASS';
  if (verdict === 'invalid') return exitCode === 6 ? 'UNDECIDED' : 'INVALID';
  return exitCode === 4 ? 'THRESHOLD MISSED' : 'FAIL';
}

/** The verdict in a few sentences. */
export function headlineOf(record: RunRecord): string {
  const { headline, detail } = tellVerdict(record);
  return `${headline} ${detail}`;
}

/** A run as a list shows it. */
export function summaryOf(record: RunRecord): RunSummary {
  const { attack, load, audit } = record;
  return {
    id: record.id,
    startedAt: record.startedAt,
    title: titleOf(attack),
    verdict: record.verdict,
    ...(record.end === undefined ? {} : { end: record.end }),
    exitCode: record.exitCode,
    provider: record.environment.provider,
    requests: totalRequests(attack),
    connections: attack.connections,
    stock: attack.stock,
    sold: audit.sold,
    rps: load.rps,
    p50Ms: load.latencyMs.p50,
    p99Ms: load.latencyMs.p99,
  };
}

/** A setting's name and value, for tables. */
export function settingRows(attack: AttackSettings): (readonly [name: string, value: string])[] {
  const load: (readonly [string, string])[] =
    attack.profile === 'burst'
      ? [['Requests', whole(attack.requests)]]
      : [
          ['Rate', `${whole(attack.ratePerSec)} requests/s`],
          ['Duration', plural(attack.durationSec, 'second')],
        ];
  return [
    ['Profile', attack.profile],
    ...load,
    ['Connections', whole(attack.connections)],
    ['Tickets', whole(attack.stock)],
    ['Tickets a buyer', whole(attack.perBuyerLimit)],
    ['Mode', attack.mode],
    ['Seed', String(attack.seed)],
    ['Request time-out', `${whole(attack.timeoutMs)} ms`],
    ...(attack.killWorkersAtPercent === undefined
      ? []
      : [['Workers killed at', `${attack.killWorkersAtPercent} % of the requests`] as const]),
    ...(attack.maxP99Ms === undefined ? [] : [['Highest p99', `${whole(attack.maxP99Ms)} ms`] as const]),
    ...(attack.minRps === undefined ? [] : [['Lowest rate', `${whole(attack.minRps)} requests/s`] as const]),
  ];
}

const shownDate = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** All words under which a run is found: every word that a list shows of it, and its id, raw verdict and ISO date. */
export function searchTextOf(run: RunSummary): string {
  return [
    run.title,
    run.title.replaceAll(',', ''),
    run.id,
    run.verdict,
    verdictShown(run),
    run.provider,
    run.startedAt,
    shownDate.format(new Date(run.startedAt)),
    `${whole(run.connections)} connections`,
    run.connections,
    `${whole(run.sold)} of ${whole(run.stock)}`,
  ].join(' ');
}
