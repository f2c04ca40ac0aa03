/** Reads the adapter of a shop: a JSON file, or a module with the same functions. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { errorText } from '../../services/shared/error-text.ts';
import { FailureError } from '../../contract/failure.ts';
import { badAdapter, parseAdapter, parseTargetParts } from '../../contract/adapter.ts';
import { moduleTargetSchema, type Target } from '../../contract/target.ts';

/** What a module must export, and may. */
const FUNCTIONS = ['request', 'classify', 'owners'] as const;
const OPTIONAL_FUNCTIONS = ['outcome', 'reset'] as const;

/**
 * @param file as it was given
 * @throws FailureError `target.unreadable`, `target.badFile`, each naming the field
 */
export async function readTarget(file: string): Promise<Target> {
  return /\.m?js$/.test(file) ? await readModule(file) : await readDeclared(file);
}

async function readDeclared(file: string): Promise<Target> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, error);
  });
  return parseAdapter(file, text, process.env);
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
  if (missing) throw badAdapter(file, missing, 'must be an exported function.');
  if (!['function', 'number'].includes(typeof of('stock')))
    throw badAdapter(file, 'stock', 'must be an exported function that gives the units left, or a number.');
  const wrong = OPTIONAL_FUNCTIONS.find((name) => !['function', 'undefined'].includes(typeof of(name)));
  if (wrong) throw badAdapter(file, wrong, 'must be a function, or be left out.');
  const { name, url, limit } = parseTargetParts(file, moduleTargetSchema, {
    name: of('name'),
    url: of('url'),
    limit: of('limit'),
  });
  return { file, name, url, limit, use: { module: path } };
}

const unreadable = (file: string, error: unknown) =>
  new FailureError(
    {
      code: 'target.unreadable',
      message: `--target ${file} can't be read: ${errorText(error)}.`,
      fix: 'Give the path of an adapter: a .json file, or a .mjs module. docs/any-shop.md shows both.',
    },
    { cause: error },
  );
