/** `flashgrid find-limit`: raises the rate until a threshold breaks, and confirms it. */
import { UsageError, readAttack, readCount } from '../contract/attack-options.ts';
import type { AttackSettings } from '../contract/attack-settings.ts';
import { latency, markdownTable, whole, wrapText } from '../contract/format.ts';
import { TARGET_LIMITS } from '../contract/target.ts';
import { commandLine } from '../control/lib/command-line.ts';
import {
  LIMIT_EXITS,
  MAX_CONFIRM,
  MAX_RATE,
  Stopped,
  USUAL_SEARCH,
  attemptOf,
  brokenAt,
  hasThreshold,
  limitSentences,
  type RunAttempt,
} from '../contract/limit.ts';
import { searchLimit, type Attempt, type Limit, type SearchPlan } from '../contract/limit-search.ts';
import { Progress } from './progress.ts';
import { readProfile } from './profile.ts';
import { runAttackToEnd } from './run-attack.ts';
import { openSession, requireRemote, type CommandContext } from './session.ts';
import { targetOf } from './target.ts';

/** s of each attack. */
const USUAL_DURATION = 10;

export interface LimitOrder {
  readonly plan: SearchPlan;
  readonly settings: Extract<AttackSettings, { profile: 'sustained' }>;
}

/** @throws UsageError that names the option */
export function readLimit({ values }: Pick<CommandContext, 'values'>): LimitOrder {
  for (const option of ['requests', 'rate', 'stages'])
    if (values[option] !== undefined)
      throw new UsageError(
        `--${option} does not go with find-limit, which sets the rate: give --from and --to.`,
      );
  const fromPerSec = readCount(values, 'from', 1, MAX_RATE) ?? USUAL_SEARCH.fromPerSec;
  const toPerSec = readCount(values, 'to', fromPerSec + 1, MAX_RATE) ?? MAX_RATE;
  const settings = readAttack(
    { duration: String(USUAL_DURATION), ...values, rate: String(fromPerSec) },
    readProfile(values),
  );
  if (settings.profile !== 'sustained') throw new Error('a rate makes a sustained attack');
  if (!hasThreshold(settings))
    throw new UsageError("find-limit needs a threshold that can break: --slo 'p99<50ms' 'errors<0.1%'.");
  return {
    plan: {
      fromPerSec,
      toPerSec,
      confirm: readCount(values, 'confirm', 1, MAX_CONFIRM) ?? USUAL_SEARCH.confirm,
    },
    settings,
  };
}

export async function findLimit(context: CommandContext): Promise<number> {
  const { values, dataDir, out, outputs, interrupt } = context;
  const { plan: asked, settings } = readLimit(context);
  const target = await targetOf(values, settings);
  const toPerSec = target ? Math.min(asked.toPerSec, TARGET_LIMITS.ratePerSec) : asked.toPerSec;
  const plan = { ...asked, toPerSec };
  const session = target ? await openSession(dataDir) : await requireRemote(dataDir);
  const unfollow = new Progress(out).follow(session.client);
  const group = `group-limit-${Date.now().toString(36)}`;
  try {
    const limit = await searchLimit(plan, async (ratePerSec) => {
      const launch = { ...settings, ratePerSec, group };
      const attempt = attemptOf(ratePerSec, await runAttackToEnd(session, launch, interrupt, target));
      const { load, id } = attempt.run;
      out.print(
        `${whole(ratePerSec)}/s: ${attempt.result}, p99 ${latency(load.latencyMs, 'p99')}, ${whole(load.rps)} answers/s (${id})`,
        2,
      );
      for (const reason of attempt.reasons) out.print(`  ${reason}`, 2);
      return attempt;
    });
    out.raw(
      `\n${limitSentences(limit, plan)
        .flatMap((one) => wrapText(one, out.width))
        .join('\n')}\n`,
    );
    const forms = {
      json: () => `${JSON.stringify(limitJson(limit, plan, group), null, 2)}\n`,
      md: () => limitMarkdown(limit, plan),
    };
    for (const format of ['json', 'md'] as const) {
      if (!outputs.formats.includes(format)) continue;
      const path = await outputs.write(format, forms[format]());
      if (path !== undefined) out.print(`Written: ${path}`);
    }
    out.offer(`Kept as ${group}:`, commandLine(`report RUN --html report.html`));
    return LIMIT_EXITS[limit.kind];
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    out.print(error.message, 2);
    return error.exitCode;
  } finally {
    unfollow();
    await session.end();
  }
}

function limitJson(limit: Limit<RunAttempt>, plan: SearchPlan, group: string): object {
  const { kind, heldPerSec = null, brokenPerSec = null, untoldPerSec = null, attempts } = limit;
  return {
    format: 'flashgrid.limit/1',
    kind,
    kneePerSec: heldPerSec,
    rangePerSec: [heldPerSec, brokenPerSec],
    untoldPerSec,
    broken: brokenAt(limit, limit.brokenPerSec),
    plan,
    group,
    attempts: attempts.map(({ run, ...attempt }) => ({
      ...attempt,
      runId: run.id,
      rps: run.load.rps,
      p99Ms: run.load.latencyMs.p99,
    })),
  };
}

function limitMarkdown(limit: Limit<RunAttempt>, plan: SearchPlan): string {
  const rates = [...new Set(limit.attempts.map(({ ratePerSec }) => ratePerSec))].sort((a, b) => a - b);
  const rows = rates.map((perSec) => {
    const at = limit.attempts.filter(({ ratePerSec }) => ratePerSec === perSec);
    const count = (result: Attempt['result']) => String(at.filter((one) => one.result === result).length);
    const slowest = Math.max(...at.map(({ run }) => run.load.latencyMs.p99));
    return [
      `${whole(perSec)}/s`,
      count('held'),
      count('broken'),
      count('untold'),
      latency({ p99: slowest }, 'p99'),
      `${whole(Math.min(...at.map(({ run }) => run.load.rps)))}/s`,
    ];
  });
  const [headline = '', ...more] = limitSentences(limit, plan);
  const head = ['offered', 'held', 'broken', 'not judged', 'highest p99', 'fewest answers'];
  return `### ${headline}\n\n${more.join('\n\n')}\n\n${markdownTable([head, ...rows])}\n`;
}
