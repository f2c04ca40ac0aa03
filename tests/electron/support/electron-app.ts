/**
 * The built app in a real Electron, as a person's program: sandboxed, under a user without rights, on a display. A test looks at its page through
 * playwright, asks its main process through Node's debugger, and works it by real keys.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { chromium, type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { CommandInput, CommandName, CommandOutput, Result } from '../../../contract/contract.ts';
import { findTestElectron } from '../../../scripts/setup/electron.mjs';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../../..');
const START_LIMIT_MS = 40_000;
/** ms that an app may take to stop its cluster. */
const END_LIMIT_MS = 40_000;
/** Debian's `nobody`, whom root stands in for. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** For `spawn`: a user without rights. */
export const userOfTests = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
const resultSchema = z.object({
  id: z.number(),
  result: z.object({
    result: z.object({ value: z.unknown().optional() }),
    exceptionDetails: z.object({ exception: z.object({ description: z.string() }) }).optional(),
  }),
});

/** A folder that the user without rights owns, and that is gone with the test. */
export function temporaryHome(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'fg-electron-'));
  if (isRoot) chownSync(path, NOBODY, NOBODY);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/**
 * A desktop on which xdg-open only notes what it was asked to open, and stays for a while, as a file manager does.
 * @returns the environment of an app that shall find it, and what was asked for
 */
export function fakeDesktop(home: string): { readonly env: NodeJS.ProcessEnv; opened(): string } {
  const [bin, list] = [join(home, 'bin'), join(home, 'opened')];
  mkdirSync(bin);
  writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\necho "$*" >> '${list}'\nexec sleep 20\n`);
  chmodSync(join(bin, 'xdg-open'), 0o755);
  return {
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    opened: () => (existsSync(list) ? readFileSync(list, 'utf8').trim() : ''),
  };
}

/** Whether everybody may enter a folder and those above it. */
function canBeEntered(path: string): boolean {
  return (statSync(path).mode & 0o1) !== 0 && (path === dirname(path) || canBeEntered(dirname(path)));
}

let reachable: Promise<string> | undefined;
/** The repository's folder, or a copy of what runs of it where a user without rights can't enter the repository. */
function appDir(): Promise<string> {
  reachable ??= (async () => {
    if (!isRoot || canBeEntered(ROOT)) return ROOT;
    const copy = mkdtempSync(join(tmpdir(), 'fg-electron-app-'));
    await chmod(copy, 0o755);
    process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
    const parts = ['out', 'lua', 'prisma', 'docker', 'build', 'node_modules', 'package.json'];
    await run('cp', ['-a', ...parts.map((part) => join(ROOT, part)), copy]);
    return copy;
  })();
  return reachable;
}

interface ShownDialog {
  readonly kind: string;
  readonly options: {
    readonly title: string;
    readonly message?: string;
    readonly buttons?: readonly string[];
    readonly detail?: string;
    readonly checkboxLabel?: string;
    readonly defaultId?: number;
    readonly defaultPath?: string;
  };
  answer?: unknown;
}

export interface ElectronAppOptions {
  /** The user's home; its `data` is the data folder. */
  readonly home: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A packaged app's program; the built app in Electron unless told otherwise. */
  readonly program?: string;
  readonly args?: readonly string[];
  /** Wait until the page has drawn itself; false for an app that will not get that far. */
  readonly isExpectedToOpen?: boolean;
}

export class ElectronApp {
  readonly home: string;
  readonly #process: ChildProcess;
  #output = '';
  #browser: Browser | undefined;
  #main: WebSocket | undefined;
  #lastId = 0;
  #page: Page | undefined;
  #devTools = '';
  /** Errors of the page: a refused style or script is one. */
  readonly complaints: string[] = [];
  /** Exit code, or signal, once it has ended. */
  readonly ended: Promise<number | string>;

  private constructor(program: string, args: readonly string[], { home, env }: ElectronAppOptions) {
    this.home = home;
    mkdirSync(join(home, 'tmp'), { recursive: true });
    if (isRoot) chownSync(join(home, 'tmp'), NOBODY, NOBODY);
    this.#process = spawn(program, [...args, '--disable-gpu', '--remote-debugging-port=0'], {
      cwd: home,
      env: {
        PATH: process.env['PATH'],
        LANG: 'C.UTF-8',
        HOME: home,
        TMPDIR: join(home, 'tmp'),
        FLASHGRID_HOME: join(home, 'data'),
        DISPLAY: inject('display'),
        // There is no bus here, and looking for one is not worth a line of the output.
        DBUS_SESSION_BUS_ADDRESS: 'disabled:',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A Ctrl-C on the test run's terminal is not the app's.
      detached: true,
      ...userOfTests,
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.ended = once(this.#process, 'exit').then(([code, signal]: unknown[]) =>
      typeof code === 'number' ? code : String(signal),
    );
  }

  /** Starts the app; resolves when its page has drawn itself. */
  static async start(options: ElectronAppOptions): Promise<ElectronApp> {
    let { program } = options;
    const args: string[] = [...(options.args ?? [])];
    if (program === undefined) {
      const found = findTestElectron();
      if (!found) throw new Error('there is no Electron: npm run test:electron fetches it');
      const dir = await appDir();
      program = found.program.replace(ROOT, dir);
      args.push('--inspect=0', ...(found.isPinned ? [dir] : []));
    }
    const app = new ElectronApp(program, args, options);
    if (options.isExpectedToOpen === false) return app;
    try {
      await app.#connect(options.program === undefined);
    } catch (error) {
      await app.end();
      throw new Error(`the app did not open: ${String(error)}\n${app.output}`, { cause: error });
    }
    return app;
  }

  async #connect(hasDebugger: boolean): Promise<void> {
    const find = (pattern: RegExp) =>
      this.until(String(pattern), () => pattern.exec(this.#output)?.[1], START_LIMIT_MS);
    if (hasDebugger) await this.connectMain();
    this.#devTools = await find(/DevTools listening on (ws:\S+)/);
    // Looked at before it shows the app, a window may stop for good at its empty page.
    const list = new URL('/json/list', this.#devTools.replace('ws:', 'http:'));
    await this.until(
      'the window shows the app',
      async () => (await (await fetch(list)).text()).includes('"app://flashgrid/'),
      START_LIMIT_MS,
    );
    await this.reconnect();
  }

  /** Looks at the page anew: playwright gives one up whose process has ended. */
  async reconnect(): Promise<void> {
    await this.#browser?.close();
    // Now and then Chromium answers playwright's first questions never, when a page begins in this moment.
    const browser = await this.until('playwright reaches the page', () =>
      chromium.connectOverCDP(this.#devTools, { timeout: 8_000 }),
    );
    this.#browser = browser;
    this.#page = await this.until('the window', () => browser.contexts()[0]?.pages()[0], START_LIMIT_MS);
    this.#page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    this.#page.on('pageerror', (error) => this.complaints.push(String(error)));
    await this.page.locator('main#main').waitFor({ timeout: START_LIMIT_MS });
  }

  /** Reaches the main process, before there is a window. */
  async connectMain(): Promise<void> {
    const address = await this.until(
      'the debugger',
      () => /Debugger listening on (ws:\S+)/.exec(this.#output)?.[1],
      START_LIMIT_MS,
    );
    this.#main = new WebSocket(address).setMaxListeners(0);
    await once(this.#main, 'open');
  }

  get page(): Page {
    if (!this.#page) throw new Error('the app has no window yet');
    return this.#page;
  }

  get dataDir(): string {
    return join(this.home, 'data');
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  /** What the app wrote to its terminal. */
  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Runs a function in the main process. It sees `electron` and what it is given, and nothing of the test. */
  async main<Value, Given = undefined>(
    work: (electron: typeof Electron, given: Given) => Value | Promise<Value>,
    given?: Given,
  ): Promise<Value> {
    const main = this.#main;
    if (!main) throw new Error('a packaged app has no debugger');
    const id = ++this.#lastId;
    const answer = new Promise<z.infer<typeof resultSchema>>((done, fail) => {
      const take = (raw: Buffer) => {
        const message = z.object({ id: z.number().optional() }).parse(JSON.parse(raw.toString()));
        if (message.id !== id) return;
        main.off('message', take);
        const parsed = resultSchema.safeParse(JSON.parse(raw.toString()));
        if (parsed.success) done(parsed.data);
        else fail(new Error(`the main process did not answer: ${raw.toString()}`));
      };
      main.on('message', take);
      main.once('close', () => fail(new Error(`the app has ended:\n${this.#output}`)));
    });
    const expression = `(${work.toString()})(require('electron'), ${JSON.stringify(given)})`;
    main.send(
      JSON.stringify({
        id,
        method: 'Runtime.evaluate',
        params: { expression, includeCommandLineAPI: true, awaitPromise: true, returnByValue: true },
      }),
    );
    const { result } = await answer;
    if (result.exceptionDetails) throw new Error(result.exceptionDetails.exception.description);
    return result.result.value as Value;
  }

  /** Calls a command as the page does. */
  async call<Name extends CommandName>(name: Name, input: CommandInput<Name>): Promise<CommandOutput<Name>> {
    const result = await this.page.evaluate<Result<CommandOutput<Name>>>(
      `window.flashgrid.call(${JSON.stringify(name)}, ${JSON.stringify(input)})`,
    );
    if (!result.ok) throw new Error(`${name}: ${result.error.code}: ${result.error.message}`);
    return result.value;
  }

  /** Has the dialogs of the system, which are shown all the same, tell what they ask. */
  async watchDialogs(): Promise<void> {
    await this.main(({ dialog }) => {
      const shown: ShownDialog[] = [];
      Object.assign(globalThis, { shownDialogs: shown });
      for (const kind of ['showMessageBox', 'showSaveDialog'] as const) {
        const show = dialog[kind] as (...args: unknown[]) => Promise<unknown>;
        Object.assign(dialog, {
          [kind]: async (...args: unknown[]) => {
            const entry: ShownDialog = { kind, options: args.at(-1) as ShownDialog['options'] };
            shown.push(entry);
            entry.answer = await show(...args);
            return entry.answer;
          },
        });
      }
    });
  }

  /** The dialog that is open now; waits for one. */
  async dialog(): Promise<ShownDialog['options']> {
    return await this.until('a dialog opens', () =>
      this.main(() => {
        const shown = (globalThis as { shownDialogs?: ShownDialog[] }).shownDialogs;
        return shown?.find(({ answer }) => answer === undefined)?.options;
      }),
    );
  }

  /** Answers the open message with one of its buttons, by the keyboard. */
  async answer(button: string, { isRemembered = false } = {}): Promise<void> {
    const { buttons = [], checkboxLabel, defaultId = 0, title } = await this.dialog();
    await this.focused(new RegExp(`^${title}$`));
    // The box to tick comes first, and has the focus at the start; else the default button has it.
    const steps = buttons.indexOf(button) - (checkboxLabel === undefined ? defaultId : -1);
    if (isRemembered) await this.press('space');
    await this.press(
      ...Array.from({ length: Math.abs(steps) }, () => (steps > 0 ? 'Tab' : 'shift+Tab')),
      'Return',
    );
  }

  /** Presses keys as a person does: they go to whatever has the focus, a dialog of the system too. */
  async press(...keys: string[]): Promise<void> {
    await this.xdotool('key', '--clearmodifiers', ...keys);
  }

  async xdotool(...args: string[]): Promise<string> {
    const { stdout } = await run('xdotool', args, { env: { ...process.env, DISPLAY: inject('display') } });
    return stdout.trim();
  }

  /** Waits until a window with that title has the keyboard. */
  async focused(title: RegExp): Promise<void> {
    await this.until(`${String(title)} has the focus`, async () =>
      title.test(await this.xdotool('getactivewindow', 'getwindowname').catch(() => '')),
    );
  }

  /** Waits until `check` gives something true, and gives it. */
  async until<Value>(
    what: string,
    check: () => Value | Promise<Value>,
    limitMs = 30_000,
  ): Promise<NonNullable<Value>> {
    const deadline = performance.now() + limitMs;
    let last: unknown;
    while (performance.now() < deadline && !this.hasEnded) {
      try {
        const value = await check();
        if (value) return value;
        last = value;
      } catch (error) {
        last = error;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(
      `${what}: not ${this.hasEnded ? 'before the app ended' : `within ${limitMs} ms`} (last: ${String(last)})\n${this.#output}`,
    );
  }

  /** Waits for its end, and gives the exit code or signal. A Node whose debugger is connected would wait for that first. */
  async exit(): Promise<number | string> {
    this.#main?.terminate();
    return await this.ended;
  }

  /** Ends the app at the end of a test, however far it got. */
  async end(): Promise<void> {
    if (!this.hasEnded) this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), END_LIMIT_MS);
    await this.exit();
    clearTimeout(timer);
    await this.#browser?.close();
  }
}

/** Every living process that was started with that home, the app's helpers and backends included: pid and command. */
export function processesOf(home: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(home)) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      // A process that has ended and not been waited for has no command.
      return command === '' ? [] : [`${pid} ${command}`];
    } catch {
      return [];
    }
  });
}

/** What the descriptors of a process lead to, beyond the standard streams. */
export function descriptorsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    if (Number(fd) <= 2) return [];
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
