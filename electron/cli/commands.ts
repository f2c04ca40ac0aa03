/** The terminal's commands, each on the contract alone. Every one gives the exit code of its process. */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { appVersion, builtParts } from '../app-paths.ts';
import { FailureError, type EngineState } from '../control/cluster/cluster.ts';
import type { ControlClient, Finding } from '../control/contract.ts';
import { dataFolder } from '../control/lib/data-folder.ts';
import { withLimit } from '../control/lib/release-stack.ts';
import { readInstance, removeInstance, writeInstance } from '../instance-file.ts';
import { startWebFace } from '../web.ts';
import {
  UsageError,
  readAttack,
  readCount,
  readProvider,
  type OptionValues,
  type TerminalCommand,
} from './args.ts';
import { deadLetters } from './dead-letters.ts';
import { Progress, seconds } from './progress.ts';
import { writeJson } from './outputs.ts';
import { exportRun, runAttackToEnd, tellFailures, tellRun } from './run-attack.ts';
import type { CommandContext } from './session.ts';
import { must, onInterrupt, openOwn, openRemote, openSession, requireRemote } from './session.ts';

/** What scripts and CI judge a command by. */
export const EXIT = {
  pass: 0,
  usage: 2,
  auditFailed: 3,
  thresholdMissed: 4,
  invalid: 5,
  infrastructure: 6,
  interrupted: 130,
} as const;

/** ms that a background control centre may take until it answers. */
const BACKGROUND_LIMIT_MS = 20_000;
/** ms that a control centre may take to stop everything. */
const DOWN_LIMIT_MS = 120_000;

type Command = (context: CommandContext) => Promise<number>;

export const terminalCommands: { readonly [Name in TerminalCommand]: Command } = {
  demo,
  up,
  attack,
  status,
  down,
  serve,
  'dead-letters': deadLetters,
  report,
  confirm,
  doctor,
};

async function demo({ values, dataDir, out, outputs }: CommandContext): Promise<number> {
  const settings = readAttack(values);
  const start = readStart(values);
  const progress = new Progress(out);
  const session = await openSession(dataDir);
  const abort = new AbortController();
  const endInterrupt = onInterrupt(() => {
    abort.abort();
    void session.client.call('cluster.cancelStart', {});
  });
  const unfollow = progress.follow(session.client);
  try {
    if (!session.isOwn)
      progress.say(
        'A FlashGrid runs already on this data folder: the attack goes there, and it stays up afterwards.',
      );
    await bringUp(session.client, start, progress);
    abort.signal.throwIfAborted();
    const record = await runAttackToEnd(session.client, settings, abort.signal);
    unfollow();
    await tellRun(session.client, record, outputs, out);
    return record.exitCode;
  } catch (error) {
    if (abort.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    unfollow();
    await session.end();
    endInterrupt();
  }
}

async function up({ values, dataDir, out }: CommandContext): Promise<number> {
  const start = readStart(values);
  const progress = new Progress(out);
  const isFresh = (await readInstance(dataDir)) === undefined;
  if (isFresh) await startBackground(dataDir);
  const session = await requireRemote(dataDir);
  const endInterrupt = onInterrupt(() => void session.client.call('cluster.cancelStart', {}));
  const unfollow = progress.follow(session.client);
  try {
    await bringUp(session.client, start, progress);
  } catch (error) {
    if (isFresh) await session.client.call('app.quit', { cluster: 'stop' });
    throw error;
  } finally {
    unfollow();
    await session.end();
    endInterrupt();
  }
  const instance = await readInstance(dataDir);
  out.write(
    `\nFlashGrid is up. In a browser: ${instance?.url ?? ''}\nAttack it with \`flashgrid attack\`, stop it with \`flashgrid down\`.\n`,
  );
  return EXIT.pass;
}

async function attack({ values, dataDir, out, outputs }: CommandContext): Promise<number> {
  const settings = readAttack(values);
  const session = await requireRemote(dataDir);
  const abort = new AbortController();
  const endInterrupt = onInterrupt(() => abort.abort());
  const unfollow = new Progress(out).follow(session.client);
  try {
    const record = await runAttackToEnd(session.client, settings, abort.signal);
    unfollow();
    await tellRun(session.client, record, outputs, out);
    return record.exitCode;
  } catch (error) {
    if (abort.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    unfollow();
    await session.end();
    endInterrupt();
  }
}

async function status({ dataDir, out, outputs }: CommandContext): Promise<number> {
  const session = await openRemote(dataDir);
  if (!session) {
    out.write(`Nothing runs on ${dataDir}. Start it with \`flashgrid up\`.\n`);
    return EXIT.pass;
  }
  try {
    const snapshot = await must(session.client, 'app.getSnapshot', {});
    const { cluster } = snapshot;
    out.write(
      `FlashGrid ${snapshot.app.version}, process ${snapshot.app.pid}, data in ${snapshot.app.dataDir}\n`,
    );
    out.write(`Cluster: ${cluster.state}${cluster.reason ? ` (${cluster.reason})` : ''}\n`);
    for (const engine of cluster.engines)
      out.write(
        `  ${engine.role.padEnd(12)}${engine.state.padEnd(12)}${(engine.version ?? '').padEnd(10)}${engine.port ? `port ${engine.port}` : ''}${troubleOf(engine)}\n`,
      );
    for (const service of snapshot.services)
      out.write(
        `  ${service.id.padEnd(12)}${service.state.padEnd(12)}${`${service.restarts} restarts`.padEnd(14)}${service.port ? `port ${service.port}` : ''}\n`,
      );
    for (const sale of snapshot.sales.slice(0, 10))
      out.write(`  sale ${sale.id}: ${sale.counters.remaining} of ${sale.stock} left, ${sale.status}\n`);
    if (snapshot.attack)
      out.write(
        `Attack ${snapshot.attack.runId}: ${snapshot.attack.phase}${snapshot.attack.verdict ? `, ${snapshot.attack.verdict}` : ''}\n`,
      );
    await writeJson(snapshot, outputs, out);
    return EXIT.pass;
  } finally {
    await session.end();
  }
}

/** Why a backend does not run, and since when; nothing for one that does. */
function troubleOf({ state, detail, sinceMs }: EngineState): string {
  if (state === 'running' || detail === undefined) return '';
  const since = sinceMs === undefined ? '' : ` Since ${new Date(sinceMs).toISOString().slice(11, 19)} UTC.`;
  return `\n      ${detail}${since}`;
}

async function down({ values, dataDir, out }: CommandContext): Promise<number> {
  const isReset = values['reset'] === true;
  const running = await readInstance(dataDir);
  if (!running) {
    // What a killed one left is cleared here too: opening the data folder finds it.
    const centre = await openOwn(dataDir);
    try {
      await must(centre, isReset ? 'cluster.reset' : 'cluster.stop', {});
    } finally {
      await centre.release();
    }
    out.write(`Nothing was running on ${dataDir}${isReset ? '; its cluster data is removed' : ''}.\n`);
    return EXIT.pass;
  }
  const session = await requireRemote(dataDir);
  if (isReset) await must(session.client, 'cluster.reset', {});
  await must(session.client, 'app.quit', { cluster: 'stop' });
  await waitForEnd(running.pid);
  out.write(`FlashGrid is down${isReset ? ', and its cluster data is removed' : ''}.\n`);
  return EXIT.pass;
}

async function serve({ values, dataDir, out }: CommandContext): Promise<number> {
  const port = readCount(values, 'port', 0, 65_535) ?? 0;
  const host = typeof values['host'] === 'string' ? values['host'] : '127.0.0.1';
  const running = await readInstance(dataDir);
  if (running) {
    out.write(`FlashGrid runs already. Open ${running.url}\n`);
    return EXIT.pass;
  }
  let quit: (() => void) | undefined;
  const quitting = new Promise<void>((resolve) => {
    quit = resolve;
  });
  const onPending = (lines: readonly string[]) => {
    const list = lines.map((line) => `    ${line}\n`).join('');
    out.write(`\nA page asks to change:\n${list}To save it: flashgrid confirm\n`);
  };
  const centre = await openOwn(dataDir, () => quit?.(), { onPending });
  try {
    const face = await startWebFace({ centre, rendererDir: builtParts().rendererDir, host, port });
    centre.announceAccess({ url: face.url, token: face.token });
    await writeInstance(dataDir, {
      pid: process.pid,
      port: face.port,
      token: face.token,
      url: face.url,
      version: appVersion(),
    });
    const endInterrupt = onInterrupt(() => quit?.());
    out.write(`FlashGrid is served at\n\n    ${face.url}\n\nCtrl-C stops it and everything it started.\n`);
    await quitting;
    // The instance is gone for others before its parts are.
    await removeInstance(dataDir);
    await centre.release();
    await face.close();
    endInterrupt();
    return EXIT.pass;
  } finally {
    await centre.release();
  }
}

async function report({ positionals, dataDir, out, outputs }: CommandContext): Promise<number> {
  const [id] = positionals;
  const session = await openSession(dataDir);
  try {
    if (id === undefined) {
      const runs = await must(session.client, 'runs.listRuns', {});
      if (runs.length === 0) out.write('No runs are kept yet. `flashgrid demo` makes the first.\n');
      for (const run of runs)
        out.write(
          `${run.id}  ${run.startedAt}  ${run.verdict.padEnd(8)}${run.title}, ${Math.round(run.rps)} req/s, sold ${run.sold} of ${run.stock}\n`,
        );
      return EXIT.pass;
    }
    if (outputs.formats.length === 0)
      throw new UsageError('Say what to write: --html FILE, --json FILE or --csv FILE.');
    const { paths, failures } = await exportRun(session.client, id, outputs);
    for (const path of paths) out.write(`Written: ${path}\n`);
    tellFailures(failures);
    return failures.length === 0 ? EXIT.pass : EXIT.infrastructure;
  } finally {
    await session.end();
  }
}

async function confirm({ values, dataDir, out }: CommandContext): Promise<number> {
  const session = await requireRemote(dataDir);
  try {
    const { id, lines } = await must(session.client, 'settings.confirmChange', {});
    out.write(`A page asks to change:\n${lines.map((line) => `    ${line}\n`).join('')}`);
    if (values['yes'] !== true && !(await askYesNo('Save this? [y/N] '))) {
      out.write('Not saved.\n');
      return EXIT.interrupted;
    }
    // The same change that was shown: another one by now has another id.
    await must(session.client, 'settings.confirmChange', { id });
    out.write('Saved. It takes effect with the next start of the cluster.\n');
    return EXIT.pass;
  } finally {
    await session.end();
  }
}

/** Asks on the terminal; without one, the answer is no. */
async function askYesNo(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}

const MARKS: Readonly<Record<Finding['status'], string>> = { ok: '✓', warning: '!', missing: '✗' };

async function doctor({ dataDir, out, outputs }: CommandContext): Promise<number> {
  const session = await openSession(dataDir);
  try {
    const { findings, canStart } = await must(session.client, 'doctor.runChecks', {});
    for (const { title, status: state, version, path, detail, fix } of findings) {
      out.write(
        `${MARKS[state]} ${title.padEnd(20)} ${[version, path].filter(Boolean).join('  ')}\n    ${detail.replaceAll('\n', '\n    ')}\n${fix ? `    → ${fix}\n` : ''}`,
      );
    }
    await writeJson(findings, outputs, out);
    out.write(
      canStart
        ? '\nFlashGrid can start here.\n'
        : "\nFlashGrid can't start here yet: see the arrows above.\n",
    );
    return canStart ? EXIT.pass : EXIT.infrastructure;
  } finally {
    await session.end();
  }
}

interface StartOptions {
  readonly provider: ReturnType<typeof readProvider>;
  readonly gateways: number | undefined;
  readonly workers: number | undefined;
}

function readStart(values: OptionValues): StartOptions {
  return {
    provider: readProvider(values),
    gateways: readCount(values, 'gateways', 1, 16),
    workers: readCount(values, 'workers', 1, 16),
  };
}

async function bringUp(
  client: ControlClient,
  { provider, gateways, workers }: StartOptions,
  progress: Progress,
): Promise<void> {
  const state = await must(client, 'cluster.start', provider === undefined ? {} : { provider });
  progress.cluster(state);
  if (gateways !== undefined) await must(client, 'services.scale', { role: 'gateway', count: gateways });
  if (workers !== undefined) await must(client, 'services.scale', { role: 'worker', count: workers });
  progress.say(
    `  Cluster ready on ${state.provider ?? ''}${state.startDurationMs === undefined ? '' : ` in ${seconds(state.startDurationMs)}`}\n`,
  );
}

/** Starts `serve` as a process of its own and waits until it answers. */
async function startBackground(dataDir: string): Promise<void> {
  dataFolder(dataDir);
  const logPath = join(dataDir, 'flashgrid.log');
  const log = openSync(logPath, 'a', 0o600);
  const child = spawn(process.execPath, [process.argv[1] ?? '', 'serve', '--data-dir', dataDir], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  child.unref();
  const failed = new Promise<never>((_, reject) => {
    const fail = () =>
      reject(
        new FailureError({
          code: 'cli.backgroundFailed',
          message: 'The background process ended at once.',
          fix: `Read ${logPath}.`,
        }),
      );
    child.once('exit', fail);
    child.once('error', fail);
  });
  const answered = (async () => {
    while ((await readInstance(dataDir)) === undefined)
      await new Promise((resolve) => setTimeout(resolve, 50));
  })();
  await withLimit(
    Promise.race([answered, failed]),
    BACKGROUND_LIMIT_MS,
    'The background process did not answer in time.',
  );
}

async function waitForEnd(pid: number): Promise<void> {
  const isAlive = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const deadline = performance.now() + DOWN_LIMIT_MS;
  while (isAlive()) {
    if (performance.now() > deadline)
      throw new FailureError({
        code: 'cli.stillRunning',
        message: `Process ${pid} has not ended after ${DOWN_LIMIT_MS / 1000} s.`,
        fix: 'Read flashgrid.log in the data folder; end the process by hand if need be, the next start clears what is left.',
      });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
