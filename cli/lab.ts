/** `flashgrid lab`: the same buyers come to every design, each audited. */
import { rm } from 'node:fs/promises';
import { DESIGNS, designIdSchema } from '../contract/designs.ts';
import { FailureError } from '../contract/failure.ts';
import {
  LAB_FORMATS,
  labPlanSchema,
  labShopSchema,
  MAX_LAB_ROUNDS,
  type LabPlan,
  type LabResult,
  type LabState,
} from '../contract/lab.ts';
import { labBets, labRows, labSentences, labWitnesses, stoppedRows } from '../contract/lab-report.ts';
import { aligned } from '../control/export/export-comparison.ts';
import { witnessLines } from '../control/export/export-terminal.ts';
import { UsageError, readCount, type OptionValues } from '../contract/attack-options.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { quit, reachBackground } from './background.ts';
import { bringUp, readStart } from './bring-up.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { openOutputs } from './outputs.ts';
import { Progress } from './progress.ts';
import { worstOf } from '../contract/campaign.ts';
import { must, openSession, type CommandContext, type Session } from './session.ts';

const KINDS = { crowd: '', calm: ', at a small load', stall: ', with an instance stopped' } as const;
/** Rounds and buyers of `--quick`: all designs, in under a minute. */
const QUICK = { rounds: 1, buyers: 3_000, connections: 200 } as const;

export async function lab(context: CommandContext): Promise<number> {
  const { values, dataDir, out, outputs, interrupt } = context;
  if (values['serve'] !== undefined) return await serveDesign(context);
  const start = readStart(values);
  const plan = readPlan(values);
  const session = await openSession(dataDir);
  try {
    const progress = new Progress(out);
    const unfollow = progress.follow(session.client);
    await bringUp(session, start, out, interrupt);
    unfollow();
    const results = await runToEnd(session, plan, interrupt, (result, state) => {
      const { title } = DESIGNS[result.design];
      const oversold = result.oversold > 0 ? `${result.oversold} oversold` : 'nothing oversold';
      out.print(
        `${state.done + 1}/${state.total}  round ${result.round}  ${title}${KINDS[result.kind]}: ${result.sold} sold, ${oversold}`,
        4,
      );
    });
    for (const rows of [labRows(results), stoppedRows(results).map((row) => row.toSpliced(-2, 1))])
      if (rows.length > 0) out.raw(`\n${aligned(rows).join('\n')}\n`);
    out.raw('\n');
    for (const sentence of labSentences(results)) out.print(sentence);
    const bets = labBets(results);
    if (bets.length > 0) out.raw(`\n${aligned(bets).join('\n')}\n`);
    for (const { title, witness, stoppedBy } of labWitnesses(results)) {
      out.print(`\n${title}`);
      out.raw(`${witnessLines(witness, (text) => text, out.width).join('\n')}\n`);
      out.print(stoppedBy);
    }
    for (const format of LAB_FORMATS) {
      if (!outputs.formats.includes(format)) continue;
      const { text } = await must(session.client, 'lab.exportResults', { format });
      const path = await outputs.write(format, text);
      if (path !== undefined) out.print(`Written: ${path}`);
    }
    const own = results.filter(({ design }) => design === 'flashgrid');
    return own.length === 0 ? EXIT.pass : worstOf(own.map(({ exitCode }) => exitCode));
  } finally {
    await session.end();
  }
}

/** Options that go with `--serve`. */
const SERVE_OPTIONS = ['serve', 'stock', 'json', 'provider', 'gateways', 'workers', 'data-dir', 'yes'];

/** A design as a shop, until the user has enough. The cluster runs in the background, so that `attack` finds it. */
async function serveDesign({
  values,
  dataDir,
  out,
  outputs,
  interrupt,
  asked,
}: CommandContext): Promise<number> {
  const other = Object.keys(values).find(
    (name) => values[name] !== undefined && !SERVE_OPTIONS.includes(name),
  );
  if (other !== undefined) throw new UsageError(`--${other} does not go with --serve.`);
  const shop = labShopSchema.safeParse({
    design: values['serve'],
    stock: readCount(values, 'stock', 1, 10_000),
  });
  if (!shop.success)
    throw new UsageError(
      `--serve knows ${labShopSchema.shape.design.options.join(', ')}, not "${String(values['serve'])}".`,
    );
  const start = readStart(values);
  const { design } = shop.data;
  const files = outputs.formats.length > 0 ? outputs : await openOutputs({ json: `lab-${design}.json` });
  const { session, isFresh } = await reachBackground(dataDir, out, interrupt);
  const progress = new Progress(out);
  const unfollow = progress.follow(session.client);
  let path: string | undefined;
  let isServed = false;
  try {
    await bringUp(session, start, out, interrupt);
    unfollow();
    const adapter = await must(session.client, 'lab.serveDesign', shop.data);
    isServed = true;
    path = await files.write('json', `${JSON.stringify(adapter, null, 2)}\n`);
    out.print(`\n${adapter.name} sells ${shop.data.stock} units at ${adapter.url}`);
    if (path !== undefined)
      out.print(`Attack it from another terminal: ${commandLine(`attack --target ${path}`)}`);
    out.print('Ctrl-C ends it.');
    const isOver = new Promise<void>((settle) => {
      session.client.on('cluster.stateChanged', ({ cluster }) => cluster.state !== 'running' && settle());
      if (asked.aborted) settle();
      asked.addEventListener('abort', () => settle(), { once: true });
    });
    await Promise.race([isOver, session.lost]);
    return EXIT.pass;
  } finally {
    unfollow();
    // The port is gone with the shop.
    if (path !== undefined) await rm(path, { force: true });
    if (isServed) await session.client.call('lab.endShop', {});
    if (isFresh) await quit(session);
    await session.end();
  }
}

/** @throws FailureError when the lab was broken off or stopped */
async function runToEnd(
  { client, lost }: Session,
  plan: LabPlan,
  interrupt: AbortSignal,
  onResult: (result: LabResult, state: LabState) => void,
): Promise<LabResult[]> {
  const results: LabResult[] = [];
  let now: LabState = { phase: 'running', total: 0, done: 0 };
  const stop = () => void client.call('lab.stop', {});
  const ended = new Promise<LabState>((settle) => {
    client.on('lab.resultAdded', ({ result }) => {
      results.push(result);
      onResult(result, now);
    });
    client.on('lab.stateChanged', ({ lab: state }) => {
      now = state;
      if (state.phase === 'idle') settle(state);
    });
  });
  interrupt.throwIfAborted();
  interrupt.addEventListener('abort', stop);
  try {
    now = await must(client, 'lab.start', plan);
    if (interrupt.aborted) stop();
    const last = await Promise.race([ended, lost]);
    interrupt.throwIfAborted();
    if (last.failure) throw new FailureError(last.failure);
    if (last.done < last.total)
      throw new FailureError({
        code: 'attack.cancelled',
        message: `The lab was stopped: ${last.done} of ${last.total} attacks are done.`,
        fix: 'Start it again.',
      });
    return results;
  } finally {
    interrupt.removeEventListener('abort', stop);
  }
}

/** @throws UsageError that names the option */
function readBet(values: OptionValues): LabPlan['bets'] | undefined {
  const bet = readCount(values, 'bet', 0, 1_000_000);
  return bet === undefined ? undefined : { 'read-then-write': bet };
}

/** @throws UsageError that names the option */
function readPlan(values: OptionValues): LabPlan {
  const designs = typeof values['designs'] === 'string' ? values['designs'].split(/[\s,]+/) : undefined;
  const unknown = designs?.find((design) => !designIdSchema.safeParse(design).success);
  if (unknown !== undefined)
    throw new UsageError(`--designs knows ${designIdSchema.options.join(', ')}, not "${unknown}".`);
  const bets = readBet(values);
  if (bets && designs && !designs.includes('read-then-write'))
    throw new UsageError('--bet is on read-then-write: add it to --designs.');
  const given = {
    designs,
    rounds: readCount(values, 'rounds', 0, MAX_LAB_ROUNDS),
    buyers: readCount(values, 'requests', 100, 100_000),
    stock: readCount(values, 'stock', 1, 10_000),
    connections: readCount(values, 'connections', 1, 5_000),
    seed: readCount(values, 'seed', 0, 1_000_000),
    bets,
    calm: values['calm'] === true || undefined,
    stall: values['stall'] === true || undefined,
  };
  const plan = labPlanSchema.safeParse({
    ...(values['quick'] === true ? QUICK : { calm: true, stall: true }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  });
  if (!plan.success) throw new UsageError('--quick --rounds 0 needs --calm or --stall.');
  return plan.data;
}
