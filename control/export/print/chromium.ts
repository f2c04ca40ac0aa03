/** The machine's Chromium, for exports that a browser draws. It talks over a pipe, and ends when the pipe does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { FailureError } from '../../../contract/failure.ts';
import { parseJson } from '../../../services/shared/parse-json.ts';
import { findProgram } from '../../cluster/native/find-programs.ts';
import type { Tab } from './print-report.ts';

const VARIABLE = 'FLASHGRID_CHROMIUM';
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const APPS = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
const WINDOWS_PROGRAMS = ['Google/Chrome/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe'];
const END_LIMIT_MS = 3_000;

const ARGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--hide-scrollbars',
  // As root Chromium can't have its sandbox. The page runs no script, and loads nothing.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/** The program of a Chromium, or of a browser that is built on it; `undefined` where there is none. */
export function findChromium(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = env[VARIABLE];
  if (given) return given;
  const dirs = [...(env['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/bin', '/snap/bin'];
  const windowsDirs = [env['ProgramFiles'], env['ProgramFiles(x86)']].flatMap((dir) => dir ?? []);
  const find = (all: readonly string[], names: readonly string[]) =>
    names.map((name) => findProgram(all, name)).find((path) => path !== undefined);
  return (
    find(dirs, NAMES) ??
    find(
      ['/Applications'],
      APPS.map((app) => `${app}.app/Contents/MacOS/${app}`),
    ) ??
    find(windowsDirs, WINDOWS_PROGRAMS)
  );
}

const messageSchema = z.object({
  id: z.number().optional(),
  result: z.unknown(),
  error: z.object({ message: z.string() }).optional(),
});

/**
 * Starts Chromium with one empty page; closing the page ends it.
 * @throws FailureError `export.noBrowser`
 */
export async function openChromium(find: () => string | undefined = findChromium): Promise<Tab> {
  const path = find();
  if (path === undefined)
    throw new FailureError({
      code: 'export.noBrowser',
      message: 'PDF and PNG are drawn by a browser, and no Chromium was found.',
      fix: `Install Chromium, Chrome or Edge, or name its program in ${VARIABLE}. FlashGrid’s own window needs none.`,
    });
  const profile = await mkdtemp(join(tmpdir(), 'flashgrid-print-'));
  const child = spawn(path, [...ARGS, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  let gone: Error | undefined;
  const end = (error: Error) => {
    gone ??= error;
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  };
  const ended = once(child, 'close').catch(() => undefined);
  child.once('error', (error) => end(new Error(`${path} could not be started (${error.message})`)));
  child.once('close', (code, signal) => end(new Error(`${path} ended (${signal ?? `code ${code}`})`)));
  const [input, output] = [child.stdio[3], child.stdio[4]] as Duplex[];
  // A pipe that breaks shows as the program's end.
  for (const pipe of [input, output]) pipe?.on('error', () => undefined);
  let text = '';
  output?.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (text + chunk).split('\0');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const { id, result, error } = parseJson(message, messageSchema) ?? {};
      const call = id === undefined ? undefined : waiting.get(id);
      if (id === undefined || !call) continue;
      waiting.delete(id);
      if (error) call.reject(new Error(error.message));
      else call.resolve(result);
    }
  });
  let calls = 0;
  const send = (method: string, params: unknown, sessionId?: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (gone) return reject(gone);
      const id = ++calls;
      waiting.set(id, { resolve, reject });
      input?.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  const close = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    await send('Browser.close', {}).catch(() => undefined);
    if (child.pid !== undefined) await ended;
    clearTimeout(timer);
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const target = z.object({ targetId: z.string() });
    const { targetId } = target.parse(await send('Target.createTarget', { url: 'about:blank' }));
    const session = z.object({ sessionId: z.string() });
    const attached = await send('Target.attachToTarget', { targetId, flatten: true });
    const { sessionId } = session.parse(attached);
    return { send: (method, params = {}) => send(method, params, sessionId), close };
  } catch (error) {
    await close();
    throw error;
  }
}
