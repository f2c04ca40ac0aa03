/** FlashGrid for a browser, in a process of its own: the built app, or a replay. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

const ROOT = resolve(import.meta.dirname, '..');
const START_LIMIT_MS = 30_000;
const END_LIMIT_MS = 60_000;

export interface ServedFrontend {
  /** With the token: opens a session. */
  readonly url: string;
  /** Ends it and all that it started. */
  close(): Promise<void>;
}

/** The built app with the options of `flashgrid serve`; shows its output. A running control centre stays. */
export function serveApp(options: readonly string[]): Promise<ServedFrontend> {
  return serve([resolve(ROOT, 'out/main/cli.js'), 'serve', '--port', '0', ...options], true);
}

/**
 * The built app on an empty data folder, with the machine's own backends when it is told to start them.
 * @param settings other ones than the defaults
 */
export async function serveFreshApp(settings: object = {}): Promise<ServedFrontend> {
  const base = await mkdtemp(join(tmpdir(), 'flashgrid-'));
  // Postgres, run by another user, must get through to the data folder.
  await chmod(base, 0o755);
  const dataDir = join(base, 'data');
  await mkdir(dataDir);
  await writeFile(join(dataDir, 'settings.json'), JSON.stringify({ provider: 'native', ...settings }));
  const remove = () => rm(base, { recursive: true, force: true });
  try {
    const served = await serveApp(['--data-dir', dataDir]);
    const close = async () => {
      try {
        await served.close();
      } finally {
        await remove();
      }
    };
    return { ...served, close };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A replay, of the recorded run, or of its attack at another rate; its own page comes from the folder. */
export function serveReplay(ratePerSec?: number, folder = 'out/renderer'): Promise<ServedFrontend> {
  const rate = ratePerSec === undefined ? [] : [String(ratePerSec)];
  return serve(['--import', 'tsx', resolve(ROOT, 'scripts/replay/main.ts'), folder, ...rate], false);
}

function serve(args: readonly string[], isShown: boolean): Promise<ServedFrontend> {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  };
  return new Promise((done, fail) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`no address within ${START_LIMIT_MS / 1_000} s: ${text}`));
    }, START_LIMIT_MS);
    child.once('error', fail);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`it ended with code ${code} before it gave an address: ${text}`));
    });
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', function read(part: string) {
      text += part;
      const url = /(http:\/\/\S+)\s/.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      child.stdout.off('data', read);
      if (isShown) child.stdout.pipe(process.stdout);
      else child.stdout.resume();
      done({ url, close });
    });
  });
}
