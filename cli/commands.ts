/** The terminal's commands. Each uses the contract only, and returns the exit code. */
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { appVersion, builtParts } from '../control/app-paths.ts';
import type { BackendState, MemberState } from '../contract/backends.ts';
import { lockHolder } from '../control/cluster/data-dir-lock.ts';
import type { Finding } from '../contract/state.ts';
import type { PageAsk } from '../control/lib/page-guard.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { startAnnouncedServer } from '../web/announced-server.ts';
import { readCount } from '../contract/attack-options.ts';
import { type TerminalCommand } from './args.ts';
import { bringUp, readStart } from './bring-up.ts';
import { endHung, quit, reachBackground, whenFree } from './background.ts';
import { deadLetters } from './dead-letters.ts';
import { lab } from './lab.ts';
import { matrix } from './matrix.ts';
import { findLimit } from './find-limit.ts';
import { selftest } from './selftest.ts';
import { verify } from './verify.ts';
import { plural } from '../contract/format.ts';
import { whenInterrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { Progress } from './progress.ts';
import { writeJson } from './outputs.ts';
import { saveProfile } from './profile.ts';
import { readRepeat, runAttacks } from './repeat.ts';
import { baseline, compare } from './compare.ts';
import { report } from './report.ts';
import { runs } from './runs.ts';
import { targetOf } from './target.ts';
import {
  HungError,
  briefly,
  must,
  openOwn,
  openRemote,
  openSession,
  requireRemote,
  type CommandContext,
} from './session.ts';

/** Sales that `status` prints; it tells how many more there are. */
const MAX_PRINTED_SALES = 10;

type Command = (context: CommandContext) => Promise<number>;

export const terminalCommands: { readonly [Name in TerminalCommand]: Command } = {
  demo,
  up,
  attack,
  'find-limit': findLimit,
  status,
  down,
  serve,
  'dead-letters': deadLetters,
  report,
  runs,
  compare,
  baseline,
  verify,
  selftest,
  matrix,
  lab,
  confirm,
  doctor,
};

async function demo(context: CommandContext): Promise<number> {
  const { values, dataDir, out, interrupt } = context;
  const repeat = readRepeat(context);
  const start = readStart(values);
  if (saveProfile(context, repeat.setUp.settings)) return EXIT.pass;
  const progress = new Progress(out);
  const session = await openSession(dataDir);
  const unfollow = progress.follow(session.client);
  try {
    if (!session.isOwn)
      out.print(
        'A FlashGrid is running on this data folder already: the demo uses it and leaves it running.',
      );
    await bringUp(session, start, out, interrupt);
    const exitCode = await runAttacks(session, repeat, context);
    // The verdict stays last on the screen, unless the user interrupted and waits for the stop.
    if (!interrupt.aborted) progress.beQuiet();
    return exitCode;
  } finally {
    await session.end();
    unfollow();
  }
}

async function up({ values, dataDir, out, interrupt }: CommandContext): Promise<number> {
  const start = readStart(values);
  const { session, isFresh } = await reachBackground(dataDir, out, interrupt);
  const unfollow = new Progress(out).follow(session.client);
  try {
    await bringUp(session, start, out, interrupt);
  } catch (error) {
    // Ends the control centre if this command started it.
    if (isFresh) await quit(session);
    throw error;
  } finally {
    unfollow();
    await session.end();
  }
  out.print(`\nFlashGrid is up. In a browser: ${session.instance.url}`);
  out.print(`Attack it with \`${commandLine('attack')}\`, stop it with \`${commandLine('down')}\`.`);
  return EXIT.pass;
}

async function attack(context: CommandContext): Promise<number> {
  const { dataDir, out } = context;
  const repeat = readRepeat(context);
  if (saveProfile(context, repeat.setUp.settings)) return EXIT.pass;
  const target = await targetOf(context.values, repeat.setUp.settings);
  const session = target ? await openSession(dataDir) : await requireRemote(dataDir);
  const unfollow = new Progress(out).follow(session.client);
  try {
    return await runAttacks(session, repeat, context, target);
  } finally {
    unfollow();
    await session.end();
  }
}

async function status({ values, dataDir, out, outputs, interrupt }: CommandContext): Promise<number> {
  const session = await openRemote(dataDir);
  if (!session) {
    const holder = lockHolder(dataDir);
    out.print(
      holder
        ? `Process ${holder.pid} uses ${dataDir} and takes no commands: a demo, or a FlashGrid that starts or stops.`
        : `Nothing runs on ${dataDir}. Start it with \`${commandLine('up')}\`.`,
    );
    await writeJson({ isRunning: false, dataDir, ...(holder ? { heldBy: holder.pid } : {}) }, outputs, out);
    return EXIT.pass;
  }
  return await briefly(session, interrupt, async (client) => {
    const snapshot = await must(client, 'app.getSnapshot', {});
    const { cluster } = snapshot;
    out.print(
      `FlashGrid ${snapshot.app.version}, process ${snapshot.app.pid}, data in ${snapshot.app.dataDir}`,
    );
    out.print(`Cluster: ${cluster.state}${cluster.reason ? ` (${cluster.reason})` : ''}`, 2);
    for (const backend of cluster.backends) {
      out.print(
        `  ${backend.role.padEnd(12)}${backend.state.padEnd(12)}${(backend.version ?? '').padEnd(10)}${backend.port ? `port ${backend.port}` : ''}${troubleOf(backend)}`,
      );
      for (const member of backend.members ?? []) out.print(`    ${memberText(member)}`);
    }
    if (values['connections'] === true)
      for (const { role, url } of await must(client, 'cluster.listConnections', {}))
        out.print(`  ${role.padEnd(12)}${url}`);
    if (cluster.buyersUrl !== undefined)
      out.print(`  HAProxy     before the gateways     ${cluster.buyersUrl}`);
    for (const service of snapshot.services)
      out.print(
        `  ${service.id.padEnd(12)}${service.state.padEnd(12)}${`${service.restarts} restarts`.padEnd(14)}${service.port ? `port ${service.port}` : ''}`,
      );
    const { sales, salesTotal = sales.length } = snapshot;
    const listed = sales.slice(0, MAX_PRINTED_SALES);
    for (const sale of listed)
      out.print(`  sale ${sale.id}: ${sale.counters.remaining} of ${sale.stock} left, ${sale.status}`);
    if (salesTotal > listed.length) out.print(`  and ${plural(salesTotal - listed.length, 'more sale')}`);
    if (snapshot.attack)
      out.print(
        `Attack ${snapshot.attack.runId}: ${snapshot.attack.phase}${snapshot.attack.verdict ? `, ${snapshot.attack.verdict}` : ''}`,
      );
    const { matrix: plan } = snapshot;
    if (plan && plan.phase !== 'idle')
      out.print(`Crash matrix: ${plan.phase}, ${plan.done} of ${plan.total} attacks are done`);
    await writeJson({ isRunning: true, ...snapshot }, outputs, out);
    return EXIT.pass;
  });
}

/** `rabbitmq-2  running     port 5673  leads`. */
const memberText = ({ name, state, port, isLeader = false, detail }: MemberState): string =>
  [
    name.padEnd(12),
    state.padEnd(12),
    (port === undefined ? '' : `port ${port}`).padEnd(12),
    isLeader ? 'leads' : detail,
  ]
    .join('')
    .trimEnd();

/** What is wrong with a backend, and since when. */
function troubleOf({ detail, sinceMs }: BackendState): string {
  if (detail === undefined) return '';
  const since = sinceMs === undefined ? '' : ` Since ${new Date(sinceMs).toISOString().slice(11, 19)} UTC.`;
  return `\n      ${detail}${since}`;
}

async function down({ values, dataDir, out, interrupt }: CommandContext): Promise<number> {
  const isReset = values['reset'] === true;
  const session = await openRemote(dataDir).catch(async (error: unknown) => {
    if (!(error instanceof HungError)) throw error;
    out.print(`Process ${error.instance.pid} does not answer and is ended.`);
    await endHung(error.instance);
    return undefined;
  });
  if (!session) return await clearUp(dataDir, isReset, out, interrupt);
  const unfollow = new Progress(out).follow(session.client);
  let end: 'ended' | 'killed';
  try {
    const work = async () => {
      if (isReset) await must(session.client, 'cluster.reset', {});
      return await quit(session);
    };
    end = await Promise.race([work(), whenInterrupted(interrupt)]);
  } finally {
    unfollow();
    await session.end();
  }
  if (end === 'killed') return await clearUp(dataDir, isReset, out, interrupt);
  out.print(`FlashGrid is down${isReset ? ', and its cluster data is removed' : ''}.`);
  return EXIT.pass;
}

/** Stops what a killed control centre has left. A new one on the data folder finds it. */
async function clearUp(
  dataDir: string,
  isReset: boolean,
  out: Output,
  interrupt: AbortSignal,
): Promise<number> {
  await whenFree(dataDir, out, interrupt);
  const centre = await openOwn(dataDir);
  out.live('  … Stop what is left');
  try {
    await must(centre, isReset ? 'cluster.reset' : 'cluster.stop', {});
  } finally {
    await centre.release();
  }
  out.print(`Nothing was running on ${dataDir}${isReset ? '; its cluster data is removed' : ''}.`);
  return EXIT.pass;
}

async function serve({ values, dataDir, out, asked }: CommandContext): Promise<number> {
  const port = readCount(values, 'port', 0, 65_535) ?? 0;
  const host = typeof values['host'] === 'string' ? values['host'] : '127.0.0.1';
  const running = await openRemote(dataDir);
  if (running) {
    await running.end();
    out.print(`FlashGrid runs already. Open ${running.instance.url}`);
    return EXIT.pass;
  }
  const quitting = new AbortController();
  const onPending = (ask: PageAsk) =>
    out.print(
      `\n${askText(ask)}\n${ask.what === 'attack' ? 'To launch' : 'To save'} it: ${commandLine('confirm')}`,
    );
  const centre = await openOwn(dataDir, () => quitting.abort(), { onPending });
  try {
    const rendererDir = builtParts().rendererDir;
    const server = await startAnnouncedServer({
      centre,
      dataDir,
      rendererDir,
      version: appVersion(),
      host,
      port,
    });
    try {
      out.raw(`FlashGrid is served at\n\n    ${server.url}\n\n`);
      out.print('Ctrl-C stops it and everything it started.');
      void centre.adoptKept();
      await whenInterrupted(AbortSignal.any([asked, quitting.signal])).catch(() => undefined);
      new Progress(out).follow(centre);
      // Removes the instance file first, so that no command connects to a control centre that is stopping.
      await server.withdraw();
      await centre.release();
    } finally {
      await server.close();
    }
    return EXIT.pass;
  } finally {
    await centre.release();
  }
}

async function confirm({ values, dataDir, out, interrupt }: CommandContext): Promise<number> {
  return await briefly(await requireRemote(dataDir), interrupt, async (client) => {
    const { id, ...ask } = await must(client, 'app.confirmAsk', {});
    out.print(askText(ask));
    const { question, no, yes } = CONFIRM[ask.what];
    if (values['yes'] !== true && !(await askYesNo(`${question} [y/N] `))) {
      out.print(process.stdin.isTTY ? `${no}.` : `${no}: there is no terminal to ask on. --yes confirms it.`);
      return EXIT.interrupted;
    }
    // Only what was shown: something newer has another id.
    await must(client, 'app.confirmAsk', { id });
    out.print(yes);
    return EXIT.pass;
  });
}

const askText = ({ what, lines }: Pick<PageAsk, 'what' | 'lines'>): string =>
  `A page asks to ${what === 'attack' ? 'attack another shop' : 'change'}:${lines.map((line) => `\n    ${line}`).join('')}`;

const CONFIRM = {
  change: {
    question: 'Save this?',
    no: 'Not saved',
    yes: 'Saved. It takes effect with the next start of the cluster.',
  },
  attack: { question: 'Attack it?', no: 'Not launched', yes: 'Launched. The page shows it.' },
} as const;

/** Asks on the terminal; without a terminal the answer is no. */
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

async function doctor({ dataDir, out, outputs, interrupt }: CommandContext): Promise<number> {
  return await briefly(await openSession(dataDir), interrupt, async (client) => {
    const { findings, canStart } = await must(client, 'doctor.runChecks', {});
    for (const { title, status: state, version, path, detail, fix } of findings) {
      out.print(
        `${MARKS[state]} ${title.padEnd(20)} ${[version, path].filter(Boolean).join('  ')}\n    ${detail.replaceAll('\n', '\n    ')}${fix ? `\n    → ${fix}` : ''}`,
      );
    }
    await writeJson(findings, outputs, out);
    out.print(
      canStart ? '\nFlashGrid can start here.' : "\nFlashGrid can't start here yet: see the arrows above.",
    );
    return canStart ? EXIT.pass : EXIT.infrastructure;
  });
}
