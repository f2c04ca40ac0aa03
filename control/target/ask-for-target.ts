/** An attack on another shop that a page asks for, as a person is shown it before it begins. */
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { totalRequests } from '../../contract/attack-settings.ts';
import type { CampaignPlan } from '../../contract/campaign.ts';
import { targetOf } from '../../contract/adapter.ts';
import { FailureError } from '../../contract/failure.ts';
import { whole } from '../../contract/format.ts';
import type { DeclaredTarget, Target } from '../../contract/target.ts';
import { redact } from '../../services/shared/redact.ts';
import { commandLine } from '../lib/command-line.ts';
import { shownToPerson, type PageAsk } from '../lib/page-guard.ts';
import { requireModest, requireNearby } from './target-limits.ts';

export interface TargetOrder {
  readonly target: Target;
  /** The person says that the target is theirs: it may have any address. */
  readonly isOwn: boolean;
}

/**
 * What a person must confirm, and the order that is then carried out.
 * @throws FailureError `page.terminalOnly` for a module, `target.notPrivate`, `target.tooMuch`, `target.unfit`
 */
export async function askForTarget(
  { target: { file, use }, isOwn }: TargetOrder,
  settings: AttackSettings,
  how?: CampaignPlan['how'],
): Promise<PageAsk & { readonly order: TargetOrder }> {
  // A module is code that would run with the rights of FlashGrid.
  if (!('declared' in use))
    throw new FailureError({
      code: 'page.terminalOnly',
      message: 'A page can not have a module as the adapter of a shop.',
      fix: `Use an adapter file (.json), or \`${commandLine(`attack --target ${shownToPerson(file)}`)}\` in a terminal.`,
    });
  const { declared } = use;
  const order = { target: targetOf(file, declared), isOwn };
  requireModest(settings);
  const far = await requireNearby(order.target).then(
    () => undefined,
    (error: unknown) => {
      if (!isOwn || !(error instanceof FailureError) || error.failure.code !== 'target.notPrivate')
        throw error;
      return error.failure.message;
    },
  );
  return {
    what: 'attack',
    lines: [...linesOf(declared, settings, far), ...howOften(how)],
    key: JSON.stringify(order),
    order,
  };
}

function howOften(how: CampaignPlan['how'] | undefined): string[] {
  if (!how) return [];
  return how.kind === 'limit'
    ? [`attacks again and again, at up to ${whole(how.search.toPerSec)} requests/s`]
    : [`attacks ${whole(how.count)} times`];
}

function linesOf(
  { name, url, buy, owners, stock, outcome, reset }: DeclaredTarget,
  settings: AttackSettings,
  far: string | undefined,
): string[] {
  const owned =
    owners.sql === undefined
      ? `GET ${owners.path ?? ''}`
      : `on ${owners.postgres ?? ''}: ${owners.sql.replaceAll(/\s+/g, ' ')}`;
  return [
    ...(far === undefined ? [] : [`NOT on this machine or network. ${far}`]),
    `shop: ${name}, ${url}`,
    `buys with: ${buy.method} ${buy.path}, ${whole(totalRequests(settings))} times`,
    `reads who owns what with: ${owned}`,
    ...(typeof stock === 'number' ? [] : [`reads what is left with: GET ${stock.path}`]),
    ...(outcome ? [`reads outcomes with: GET ${outcome.path}`] : []),
    ...(reset ? [`empties the sale with: ${reset.method} ${reset.path}`] : []),
    ...(settings.faults === undefined ? [] : [`breaks parts of FlashGrid's cluster: ${settings.faults}`]),
  ].map((line) => shownToPerson(redact(line)));
}
