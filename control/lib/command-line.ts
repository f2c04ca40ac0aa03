/** How to type FlashGrid's commands here, for hints: `flashgrid` is seldom on the PATH. */
import { basename, join, resolve } from 'node:path';
import process from 'node:process';

export interface Surroundings {
  /** The script that node was given; the app's folder under Electron. */
  readonly script: string | undefined;
  readonly execPath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Electron runs this process: `script` is a folder. */
  readonly isElectron: boolean;
  /** Folder of a packaged app's files. */
  readonly packagedIn: string | undefined;
}

/**
 * `npm run flashgrid -- up` for `up`, or whatever starts the terminal's commands where this process was
 * started.
 */
export function commandLine(args: string, around: Surroundings = ownSurroundings()): string {
  return `${programOf(around)} ${args}`;
}

function programOf({ script = '', execPath, env, cwd, isElectron, packagedIn }: Surroundings): string {
  const name = basename(script).replace(/\.\w+$/, '');
  if (!isElectron && basename(script) === 'flashgrid')
    return env['npm_command'] === 'exec' ? 'npx flashgrid' : 'flashgrid';
  if (packagedIn !== undefined) {
    const cli = join(packagedIn, 'app.asar.unpacked/out/main/cli.js');
    return `ELECTRON_RUN_AS_NODE=1 ${quoted(execPath)} ${quoted(cli)}`;
  }
  if (env['npm_lifecycle_event'] !== undefined) return 'npm run flashgrid --';
  // It was started as `node out/main/cli.js`, in the project's folder or elsewhere.
  const root = name === 'cli' ? resolve(script, '../../..') : cwd;
  return root === cwd ? 'npm run flashgrid --' : `npm --prefix ${quoted(root)} run flashgrid --`;
}

function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${path}"`;
}

function ownSurroundings(): Surroundings {
  const { argv, execPath, env } = process;
  const isElectron = 'electron' in process.versions;
  return { script: argv[1], execPath, env, cwd: process.cwd(), isElectron, packagedIn: packagedFolder() };
}

function packagedFolder(): string | undefined {
  if (!('electron' in process.versions)) return undefined;
  // Electron sets it when it runs an app from a folder, as `npm start` does.
  const isDefaultApp = 'defaultApp' in process && process.defaultApp === true;
  const folder = 'resourcesPath' in process ? process.resourcesPath : undefined;
  return isDefaultApp || typeof folder !== 'string' ? undefined : folder;
}
