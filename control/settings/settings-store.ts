/** The app's settings, in one file of the data folder. */
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../../contract/failure.ts';
import { settingsSchema, type Settings } from '../../contract/settings.ts';
import type { Notice } from '../../contract/state.ts';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { makeFolder } from '../lib/data-folder.ts';
import { errorText } from '../../services/shared/error-text.ts';
import { parseJson } from '../../services/shared/parse-json.ts';

export class SettingsStore {
  readonly #path: string;
  #settings: Settings = settingsSchema.parse({});
  #notice: Notice | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get current(): Settings {
    return this.#settings;
  }

  /** What was wrong with the file, until the settings are saved again. */
  get notice(): Notice | undefined {
    return this.#notice;
  }

  /**
   * Reads the file; without one, the defaults apply. From a file that this version can't use as a whole, it
   * keeps each setting that it can use, renames the file, and explains it in `notice`. It never throws:
   * nobody could correct the settings otherwise.
   */
  async load(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
      this.#notice = {
        id: 'settings',
        message: `The settings file ${this.#path} can't be read (${errorText(error)}): the defaults are in use.`,
        fix: 'Give yourself the right to read it, or move it away.',
      };
      return;
    }
    const problems: string[] = [];
    const json = withNewNames(parseJson(text, z.unknown()));
    const kept = json === undefined ? {} : usable(settingsSchema, json, '', problems);
    if (json === undefined) problems.push('it is not JSON, or was cut off');
    if (problems.length === 0) {
      this.#settings = settingsSchema.parse(json);
      return;
    }
    this.#settings = settingsSchema.parse(kept);
    this.#notice = {
      id: 'settings',
      message: `The settings file could not be used as it was: ${problems.join('; ')}. ${json === undefined ? 'The defaults are in use.' : 'All other settings are kept.'}`,
      fix: await this.#putAside(),
    };
  }

  /** Replaces the settings and the file. */
  save(settings: Settings): void {
    this.#write(settings);
    this.#settings = settings;
    this.#notice = undefined;
  }

  /** Renames the file, without replacing an earlier one, and writes the settings in use in its place. */
  async #putAside(): Promise<string> {
    let aside = `${this.#path}.damaged`;
    for (let number = 2; existsSync(aside); number++) aside = `${this.#path}.damaged-${number}`;
    try {
      await rename(this.#path, aside);
      this.#write(this.#settings);
      return `Look at the settings and save them. The file as it was: ${aside}`;
    } catch (error) {
      return `Correct ${this.#path} by hand: it could not be replaced (${errorText(error)}).`;
    }
  }

  #write(settings: Settings): void {
    try {
      makeFolder(dirname(this.#path));
      // External URLs may hold passwords: nobody else reads the file.
      writeFileAtomic(this.#path, `${JSON.stringify(settings, null, 2)}\n`);
    } catch (error) {
      throw new FailureError(
        {
          code: 'settings.notSaved',
          message: `The settings could not be written to ${this.#path}: ${errorText(error)}.`,
          fix: 'Make room on the disk and give yourself the right to write there, then save them again.',
        },
        { cause: error },
      );
    }
  }
}

/**
 * The part of `value` that fits the schema, setting by setting. Adds the others to `problems`, without
 * values: they may be secret.
 */
function usable(
  schema: z.ZodObject,
  value: unknown,
  prefix: string,
  problems: string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${prefix === '' ? 'it' : prefix.slice(0, -1)} is not a group of settings`);
    return {};
  }
  const kept: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const name = `${prefix}${key.slice(0, 64)}`;
    const field: unknown = Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
    if (!(field instanceof z.ZodType)) {
      problems.push(`this version has no setting ${name}`);
      continue;
    }
    const inner = field instanceof z.ZodPrefault ? field.unwrap() : field;
    if (inner instanceof z.ZodObject) kept[key] = usable(inner, one, `${name}.`, problems);
    else if (field.safeParse(one).success) kept[key] = one;
    else problems.push(`${name} has a value that this version does not take`);
  }
  return kept;
}

/** Settings of 0.1 with the names of today. */
function withNewNames(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('enginePorts' in json)) return json;
  const { enginePorts, ...rest } = json;
  return { backendPorts: enginePorts, ...rest };
}
