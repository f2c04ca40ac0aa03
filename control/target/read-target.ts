/** Reads the adapter of a shop: a JSON file, or a module with the same functions. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import '../../services/shared/plain-issues.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { FailureError } from '../../contract/failure.ts';
import { declaredTargetSchema, moduleTargetSchema, type Target } from '../../contract/target.ts';

/** What a module must export, and may. */
const FUNCTIONS = ['request', 'classify', 'owners'] as const;
/** Issues of a file that are told at once. */
const MAX_TOLD = 3;
const OPTIONAL_FUNCTIONS = ['outcome', 'reset'] as const;

/**
 * @param file as it was given
 * @throws FailureError `target.unreadable`, `target.badFile`, each naming the field
 */
export async function readTarget(file: string): Promise<Target> {
  return /\.m?js$/.test(file) ? await readModule(file) : await readDeclared(file);
}

async function readDeclared(file: string): Promise<Target> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(file, undefined, `is not JSON: ${errorText(error)}.`);
  }
  const declared = parse(file, declaredTargetSchema, withVariables(file, json, []));
  const { name, url, limit, buy } = declared;
  const places = [
    buy.path,
    ...Object.values({ ...declared.headers, ...buy.headers }),
    JSON.stringify(buy.body ?? ''),
  ];
  if (!places.some((place) => place.includes('{buyer}')))
    throw bad(file, 'buy', 'has no {buyer} in path, headers or body: the shop would not know who buys.');
  if (declared.outcome?.path.includes('{id}') && declared.answers.id === undefined)
    throw bad(file, 'answers.id', 'is missing: outcome.path has {id}, and this says where an answer has it.');
  return { file, name, url, limit, use: { declared } };
}

async function readModule(file: string): Promise<Target> {
  const path = resolve(file);
  let found: object;
  try {
    found = Object(await import(pathToFileURL(path).href));
  } catch (error) {
    throw unreadable(file, error);
  }
  const of = (name: string): unknown => Reflect.get(found, name);
  const missing = FUNCTIONS.find((name) => typeof of(name) !== 'function');
  if (missing) throw bad(file, missing, 'must be an exported function.');
  if (!['function', 'number'].includes(typeof of('stock')))
    throw bad(file, 'stock', 'must be an exported function that gives the units left, or a number.');
  const wrong = OPTIONAL_FUNCTIONS.find((name) => !['function', 'undefined'].includes(typeof of(name)));
  if (wrong) throw bad(file, wrong, 'must be a function, or be left out.');
  const { name, url, limit } = parse(file, moduleTargetSchema, {
    name: of('name'),
    url: of('url'),
    limit: of('limit'),
  });
  return { file, name, url, limit, use: { module: path } };
}

function parse<T extends z.ZodType>(file: string, schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues
    .slice(0, MAX_TOLD)
    .map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim());
  throw bad(file, undefined, `${told.join('; ')}.`);
}

/** `${NAME}` in a text is an environment variable: no password need stand in the file. */
function withVariables(file: string, value: unknown, path: readonly string[]): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = process.env[name];
      if (found === undefined)
        throw bad(file, path.join('.'), `names the environment variable ${name}, which is not set.`);
      return found;
    });
  if (Array.isArray(value)) return value.map((one, at) => withVariables(file, one, [...path, String(at)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, withVariables(file, one, [...path, name])]),
  );
}

const bad = (file: string, field: string | undefined, what: string) =>
  new FailureError({
    code: 'target.badFile',
    ...(field === undefined ? {} : { field }),
    message: `${file}: ${field === undefined ? '' : `${field} `}${what}`,
    fix: 'Correct that field. docs/any-shop.md lists the fields with examples, and docs/target.schema.json checks them in an editor.',
  });

const unreadable = (file: string, error: unknown) =>
  new FailureError(
    {
      code: 'target.unreadable',
      message: `--target ${file} can't be read: ${errorText(error)}.`,
      fix: 'Give the path of an adapter: a .json file, or a .mjs module. docs/any-shop.md shows both.',
    },
    { cause: error },
  );
