/** Where this installation keeps its files, and where it finds its own built parts. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { z } from 'zod';

/** Names the data folder; `--data-dir` goes before it. */
export const HOME_VARIABLE = 'FLASHGRID_HOME';

/**
 * Says why a given data folder can't be meant. An empty one is most often an unset variable of a script. It
 * would select the system's default folder, and `down --reset` would delete the wrong data.
 */
export function dataDirProblem(
  option: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const [name, given] = option === undefined ? [HOME_VARIABLE, env[HOME_VARIABLE]] : ['--data-dir', option];
  if (given?.trim() === '')
    return `${name} is empty. Set it to a folder, or ${option === undefined ? 'unset it' : 'leave it out'} to use the system's place.`;
  if (given !== undefined && /^~(?:[\\/]|$)/.test(given))
    return `${name} is ${given}, and nothing has put your home folder in the place of "~". Write the whole path.`;
  return undefined;
}

/**
 * The data folder: the option, FLASHGRID_HOME, or the system's place. As root under Linux it is
 * /var/lib/flashgrid: Postgres refuses to run as root, and the user it runs as can't enter /root.
 */
export function dataDirOf(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const given = option ?? env[HOME_VARIABLE];
  if (given) return resolve(given);
  if (process.platform === 'win32')
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData/Local'), 'FlashGrid');
  if (process.platform === 'darwin') return join(homedir(), 'Library/Application Support/FlashGrid');
  if (process.getuid?.() === 0) return '/var/lib/flashgrid';
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'flashgrid');
}

/** The folder of the built Node entries, whether this module was bundled into a chunk or not. */
function mainDir(): string {
  const here = import.meta.dirname;
  return here.endsWith('chunks') ? dirname(here) : here;
}

/** Paths of the built entries that other processes run or load. */
export interface BuiltModules {
  readonly gateway: string;
  readonly worker: string;
  readonly generator: string;
  /** The proxy's process, and what is loaded into a service whose links go through it. */
  readonly links: string;
  readonly reroute: string;
  /** A design of the lab, as a shop of its own. */
  readonly shop: string;
}

/** Built child processes and renderer, beside the running entry. */
export function builtParts(): { readonly modules: BuiltModules; readonly rendererDir: string } {
  const dir = mainDir();
  return {
    modules: {
      gateway: join(dir, 'gateway.js'),
      worker: join(dir, 'worker.js'),
      generator: join(dir, 'generator.js'),
      links: join(dir, 'links.js'),
      reroute: join(dir, 'reroute.js'),
      shop: join(dir, 'shop.js'),
    },
    // In a packaged app the page stays in the archive, which only Electron can read, also when it runs as
    // Node.
    rendererDir: join(dirname(dir), 'renderer').replace('app.asar.unpacked', 'app.asar'),
  };
}

/** FlashGrid's version, from the package.json above the built files. */
export function appVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(join(dirname(dirname(mainDir())), 'package.json'), 'utf8'),
  );
  return z.object({ version: z.string() }).parse(manifest).version;
}
