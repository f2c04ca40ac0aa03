/** Settings of an attack as people read them. */
import { stagesOf, totalRequests, type AttackSetting, type AttackSettings } from './attack-settings.ts';
import { parseBehaviours } from './behaviours.ts';
import { figure, milliseconds, plural, whole } from './format.ts';
import { paceOf, parseStages, stageText } from './load-stages.ts';

/** `30,000 ms`: a setting's value as people read it. */
export function settingText({ field, unit, choices }: AttackSetting, value: number | string): string {
  if (typeof value === 'string') return choices ? `${value}: ${(choices[value] ?? '').toLowerCase()}` : value;
  // A seed is a name, no amount.
  const text = field === 'seed' ? String(value) : figure(value);
  // A no-break space: a unit must not stand alone on a line.
  return unit === undefined ? text : `${text}\u00a0${unit}`;
}

/** `100 to 120,000 ms; default 30,000`: what a setting takes, and what it is when it isn't given. */
export function settingLimits(setting: AttackSetting): string {
  const { min = 0, max = 0, choices, form, unit, whenEmpty } = setting;
  const lowest = Number.isInteger(min) ? figure(min) : 'above 0';
  const takes = choices
    ? Object.keys(choices).join(Object.keys(choices).length > 2 ? ', ' : ' or ')
    : (form ?? `${lowest} to ${figure(max)}${unit === undefined ? '' : ` ${unit}`}`);
  if (whenEmpty !== undefined) return `${takes}; default: ${whenEmpty}`;
  const value = typeof setting.default === 'number' ? figure(setting.default) : setting.default;
  return value === undefined ? takes : `${takes}; default ${value}`;
}

/** `20 tickets`, `50 sales of 20 tickets each`. */
export function saleStockText({ stock, sales = 1 }: AttackSettings): string {
  return sales === 1
    ? plural(stock, 'ticket')
    : `${plural(sales, 'sale')} of ${plural(stock, 'ticket')} each`;
}

/** What an attack may be counted in: buyers, where each of them sends one request. */
export function crowdUnit({ requestsPerBuyer, behaviours }: AttackSettings): 'buyer' | 'request' {
  const sendMore = parseBehaviours(behaviours ?? '').some(({ requests = 1 }) => requests > 1);
  return requestsPerBuyer === 1 && !sendMore ? 'buyer' : 'request';
}

/** `10,000 buyers`, `500 buyers a second for 20 seconds`: how many come, and when. */
export function crowdText(settings: AttackSettings, who = crowdUnit(settings)): string {
  if (settings.profile === 'burst') return plural(settings.requests, who);
  if (settings.profile === 'sustained')
    return `${whole(settings.ratePerSec)} ${who}s a second for ${plural(settings.durationSec, 'second')}`;
  const { peakPerSec, endMs } = paceOf(parseStages(settings.stages));
  return `up to ${whole(peakPerSec)} ${who}s a second over ${milliseconds(endMs)}`;
}

/** `500@20s`, `0..2000@30s,2000@1m`: the rate of an attack over time; none for a burst. */
export function stagesText(settings: AttackSettings): string | undefined {
  return settings.profile === 'burst' ? undefined : stagesOf(settings).map(stageText).join(',');
}

/** `10,000 requests over 1,000 connections`: how they are sent; no more of them leave at once than there are connections. */
export function sendingText(settings: AttackSettings): string {
  const connections = Math.min(settings.connections, totalRequests(settings));
  const comma = settings.profile === 'burst' ? '' : ',';
  return `${crowdText(settings, 'request')}${comma} over ${plural(connections, 'connection')}`;
}

/** `at 500 requests/s`, `at 0..2000@30s`: the rate that an attack asks for. */
export function rateText(settings: AttackSettings): string {
  if (settings.profile === 'burst') return 'all at once';
  return settings.profile === 'staged' ? `at ${settings.stages}` : `at ${settings.ratePerSec} requests/s`;
}
