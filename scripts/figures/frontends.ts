/** The two things that are watched: the real app, and a replay. Each runs in a process of its own, away from the page's thread. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import process from 'node:process';

const ROOT = resolve(import.meta.dirname, '../..');
const START_LIMIT_MS = 30_000;
const END_LIMIT_MS = 60_000;

export interface ServedFrontend {
  /** With the token: opens a session. */
  readonly url: string;
  /** Ends it and all that it started. */
  close(): Promise<void>;
}

/** The built app on the browser's frontend, with the machine's own backends when it is told to start them. */
export function serveApp(dataDir: string): Promise<ServedFrontend> {
  return serve([resolve(ROOT, 'out/main/cli.js'), 'serve', '--port', '0', '--data-dir', dataDir]);
}

/** A replayed run of so many requests a second. */
export function serveReplay(ratePerSec: number): Promise<ServedFrontend> {
  return serve(['--import', 'tsx', resolve(import.meta.dirname, 'replay-main.ts'), String(ratePerSec)]);
}

function serve(args: readonly string[]): Promise<ServedFrontend> {
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
    child.stdout.on('data', (part: string) => {
      text += part;
      const url = /(http:\/\/\S+)\s/.exec(text)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      done({ url, close });
    });
  });
}
