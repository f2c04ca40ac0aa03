/**
 * The text of an adapter file, read; and what such a shop can not have. Terminal and form use it. Reading files and modules is in
 * control/target.
 */
import type { z } from 'zod';
import '../services/shared/plain-issues.ts';
import { errorText } from '../services/shared/error-text.ts';
import type { AttackField, AttackSettings } from './attack-settings.ts';
import { parseBehaviours } from './behaviours.ts';
import { parseFaults } from './fault-syntax.ts';
import type { CheckId } from './checks.ts';
import { FailureError } from './failure.ts';
import { declaredTargetSchema, type DeclaredTarget, type Target } from './target.ts';

/** Issues of a file that are told at once. */
const MAX_TOLD = 3;

/**
 * @param file its name, for messages and reports
 * @param variables of the environment; missing in a page, which must not learn them
 * @throws FailureError `target.badFile`, naming the field
 */
export function parseAdapter(
  file: string,
  text: string,
  variables?: Readonly<Record<string, string | undefined>>,
): Target {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw badAdapter(file, undefined, `is not JSON: ${errorText(error)}.`);
  }
  const filled = withVariables(file, json, [], variables);
  const declared = parseTargetParts(file, declaredTargetSchema, filled);
  const { buy } = declared;
  const places = [
    buy.path,
    ...Object.values({ ...declared.headers, ...buy.headers }),
    JSON.stringify(buy.body ?? ''),
  ];
  if (!places.some((place) => place.includes('{buyer}')))
    throw badAdapter(
      file,
      'buy',
      'has no {buyer} in path, headers or body: the shop would not know who buys.',
    );
  if (declared.outcome?.path.includes('{id}') && declared.answers.id === undefined)
    throw badAdapter(
      file,
      'answers.id',
      'is missing: outcome.path has {id}, and this says where an answer has it.',
    );
  return targetOf(file, declared);
}

/** What all else reads is what the adapter itself says. */
export const targetOf = (file: string, declared: DeclaredTarget): Target => ({
  file,
  name: declared.name,
  url: declared.url,
  limit: declared.limit,
  use: { declared },
});

/** @throws FailureError `target.badFile`, naming the fields */
export function parseTargetParts<T extends z.ZodType>(file: string, schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues
    .slice(0, MAX_TOLD)
    .map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim());
  throw badAdapter(file, undefined, `${told.join('; ')}.`);
}

/** `${NAME}` in a text is an environment variable: no password need stand in the file. */
function withVariables(
  file: string,
  value: unknown,
  path: readonly string[],
  variables: Readonly<Record<string, string | undefined>> | undefined,
): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = variables?.[name];
      if (typeof found === 'string') return found;
      throw badAdapter(
        file,
        path.join('.'),
        variables
          ? `names the environment variable ${name}, which is not set.`
          : `names the environment variable ${name}, and a page gets none. Write its value there, or attack from a terminal with --target.`,
      );
    });
  if (Array.isArray(value))
    return value.map((one, at) => withVariables(file, one, [...path, String(at)], variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withVariables(file, one, [...path, name], variables)]),
  );
}

export const badAdapter = (file: string, field: string | undefined, what: string) =>
  new FailureError({
    code: 'target.badFile',
    ...(field === undefined ? {} : { field }),
    message: `${file}: ${field === undefined ? '' : `${field} `}${what}`,
    fix: 'Correct that field. docs/any-shop.md lists the fields with examples, and docs/target.schema.json checks them in an editor.',
  });

const ONE_SALE = 'an adapter names one sale';
/** Its requests go there directly. */
const UNFIT_LINK = 'buyers-gateway';
/** Settings of our own shop, and why another has none of them. */
export const NOT_OF_OTHER_SHOPS: Readonly<Partial<Record<AttackField, string>>> = {
  stock: 'the adapter says how many units are on sale ("stock")',
  perBuyerLimit: 'the adapter says how many units a buyer may own ("limit")',
  mode: "it is a setting of FlashGrid's own gateway",
  keys: 'put {request} into a header of the adapter ("buy.headers")',
  sales: ONE_SALE,
  zipf: ONE_SALE,
  plant: "a defect is planted in the data of FlashGrid's own shop",
};

/** Behaviours for which an adapter has no words. */
const UNFIT_BEHAVIOURS: Readonly<Record<string, string>> = {
  retry: 'an adapter does not say how a request is repeated under one key',
  several: 'an adapter asks for one unit at a time',
};

/** The first of an attack's settings that does not go with another shop; stock and limit are replaced by the adapter's. */
export function unfitForOthers(
  settings: AttackSettings,
): { readonly field: AttackField; readonly what: string; readonly why: string } | undefined {
  const { faults = '', sales, zipf, mode, plant, keys, behaviours = '', slo } = settings;
  const kind = parseBehaviours(behaviours).find((one) => UNFIT_BEHAVIOURS[one.kind])?.kind;
  if (kind) return { field: 'behaviours', what: kind, why: UNFIT_BEHAVIOURS[kind] ?? '' };
  if (slo?.includes('time_to_sold_out'))
    return { field: 'slo', what: 'time_to_sold_out', why: 'an adapter has no data of it' };
  if (parseFaults(faults).some(({ target }) => target === UNFIT_LINK))
    return { field: 'faults', what: UNFIT_LINK, why: 'its requests go to the shop directly' };
  const given = {
    sales,
    zipf,
    plant,
    mode: mode === 'queue' ? undefined : mode,
    keys: keys === 'none' ? undefined : keys,
  };
  for (const field of ['sales', 'zipf', 'plant', 'mode', 'keys'] as const)
    if (given[field] !== undefined)
      return { field, what: String(given[field]), why: NOT_OF_OTHER_SHOPS[field] ?? '' };
  return undefined;
}

/** What an adapter, or the module in its place, has data of. */
export interface AdapterData {
  readonly hasOutcome: boolean;
  readonly tellsSoldOut: boolean;
  readonly tellsLeft: boolean;
  readonly hasLimit: boolean;
}

/** Why a check has no data. */
export function notJudgedWith(data: AdapterData): Partial<Record<CheckId, string>> {
  const why: Partial<Record<CheckId, string>> = {
    queues_empty: 'An adapter has no data of queues.',
  };
  if (!data.hasOutcome) {
    why.conservation = 'The adapter has no "outcome": an accepted request counts as bought at once.';
    why.order =
      'The adapter has no "outcome": who is sold out is told at once, and no order of decisions is known.';
  } else if (!data.tellsSoldOut)
    why.order = 'The adapter does not tell sold out from refused ("outcome.soldOut").';
  if (!data.tellsLeft) why.stock_balance = 'The adapter does not say how many units are left ("stock.left").';
  if (!data.hasLimit) why.buyer_limit = 'The adapter names no "limit".';
  return why;
}

/** Told where units are left at the end. */
export const UNDERSELL_UNTOLD =
  'The adapter does not tell sold out from refused ("answers.soldOut"), and units are left.';

/** What an adapter file has data of. */
export const dataOf = ({ outcome, answers, stock, limit }: DeclaredTarget): AdapterData => ({
  hasOutcome: outcome !== undefined,
  tellsSoldOut: answers.soldOut !== undefined || outcome?.soldOut !== undefined,
  tellsLeft: typeof stock !== 'number',
  hasLimit: limit !== undefined,
});
