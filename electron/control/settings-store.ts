/** The app's settings, in one file of the data folder. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { settingsSchema, type Settings } from './contract.ts';

export class SettingsStore {
  readonly #path: string;
  #settings: Settings = settingsSchema.parse({});

  constructor(path: string) {
    this.#path = path;
  }

  get current(): Settings {
    return this.#settings;
  }

  /**
   * Reads the file; a missing one gives the defaults.
   * @returns a warning when the file is damaged: defaults are used, and the file is kept aside
   */
  async load(): Promise<string | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      this.#settings = settingsSchema.parse(JSON.parse(text));
      return undefined;
    } catch {
      const aside = `${this.#path}.damaged`;
      await rename(this.#path, aside);
      return `The settings file could not be read and is kept as ${aside}; the defaults are in use.`;
    }
  }

  /** Replaces the settings; the file is never seen half-written. */
  async save(settings: Settings): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const draft = `${this.#path}.${process.pid}`;
    // External URLs may hold passwords.
    await writeFile(draft, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, this.#path);
    this.#settings = settings;
  }
}
