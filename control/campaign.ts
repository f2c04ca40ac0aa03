/** Several attacks of a person's own: repeated, of two set-ups in turn, or at rising rates until a limit is found. */
import { turnsOf, worstOf } from '../contract/campaign.ts';
import type { CampaignPlan, CampaignState, SetUp } from '../contract/campaign.ts';
import {
  BASELINE,
  COMPARISON_WORDS,
  FEWEST_RUNS,
  areEnough,
  compareRuns,
  regressionOf,
  comparisonSentences,
} from '../contract/comparison.ts';
import { FailureError } from '../contract/failure.ts';
import { plural, whole } from '../contract/format.ts';
import { LIMIT_EXITS, Stopped, attemptOf, hasThreshold, limitSentences } from '../contract/limit.ts';
import { searchLimit, type SearchPlan } from '../contract/limit-search.ts';
import { withheldOf } from '../contract/run-notes.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { verdictWord } from '../contract/run-text.ts';
import type { ServiceRole } from '../contract/state.ts';
import { TARGET_LIMITS } from '../contract/target.ts';
import { AttackSeries } from './attack-series.ts';
import type { Attacks } from './attacks.ts';
import type { TargetOrder } from './target/ask-for-target.ts';

export interface CampaignOptions {
  readonly attacks: Pick<Attacks, 'launch' | 'launchTarget' | 'cancel' | 'whenOver' | 'refuseWhileActive'>;
  readonly cluster: {
    countOf(role: ServiceRole): number;
    scale(role: ServiceRole, count: number): Promise<unknown>;
    /** @throws FailureError `cluster.notRunning` */
    requireRunning(): unknown;
  };
  getRun(id: string): Promise<RunRecord>;
  getBaseline(): Promise<readonly RunRecord[]>;
  onState(state: CampaignState): void;
}

/** What came of the attacks. */
interface Result {
  sentences: string[];
  exitCode: number;
}

const ROLES = { gateway: 'gateways', worker: 'workers' } as const;
const EMPTY = { attempts: [], groups: [], sentences: [] };

export class Campaign extends AttackSeries<CampaignState, CampaignOptions> {
  #order: TargetOrder | undefined;

  constructor(options: CampaignOptions) {
    super('the series of attacks', options, { phase: 'idle', ...EMPTY });
  }

  protected override busy(): FailureError {
    return new FailureError({
      code: 'campaign.busy',
      message: `Several attacks are being made: ${this.state.attempts.length} are done.`,
      fix: 'Wait for their end, or stop them.',
    });
  }

  /**
   * Begins the attacks of a plan, and returns at once.
   * @param order the shop, where it is not ours
   * @throws FailureError `campaign.badPlan`, `attack.busy`, `cluster.notRunning`
   */
  async start(plan: CampaignPlan, order?: TargetOrder): Promise<CampaignState> {
    this.refuseWhileRunning();
    this.options.attacks.refuseWhileActive();
    const { how, setUp } = plan;
    const { kind } = how;
    if (kind === 'limit' && !hasThreshold(setUp.settings))
      throw bad(
        'slo',
        'The search for the limit needs a threshold that can break.',
        'Add one, such as p99<50ms.',
      );
    if (kind === 'limit' && setUp.settings.profile !== 'sustained')
      throw bad('profile', 'The search for the limit sets the rate.', 'Choose the profile of a steady rate.');
    if (kind === 'versus' && order)
      throw bad(
        'how',
        'Two set-ups are of our own shop.',
        'Repeat the attack on each, then compare the groups.',
      );
    const baseline =
      kind === 'repeat' && how.isAgainstBaseline ? await this.#readBaseline(how.count) : undefined;
    if (!order) this.options.cluster.requireRunning();
    // Another one may have begun while the baseline was read.
    this.refuseWhileRunning();
    this.#order = order;
    const group = `group-${kind === 'limit' ? 'limit-' : ''}${Date.now().toString(36)}`;
    const total = kind === 'limit' ? undefined : how.count * (kind === 'versus' ? 2 : 1);
    const groups = kind === 'versus' ? [`${group}-a`, `${group}-b`] : [group];
    const state = { ...EMPTY, kind, groups, ...(total === undefined ? {} : { total }) };
    return this.begin({ ...state, phase: 'running' }, async (signal) => {
      try {
        return how.kind === 'limit'
          ? await this.#search(how.search, setUp, group, signal)
          : await this.#repeat(
              { count: how.count, setUp, versus: how.kind === 'versus' ? how.other : undefined },
              group,
              baseline,
              signal,
            );
      } catch (error) {
        if (!(error instanceof Stopped)) throw error;
        return { sentences: [error.message], exitCode: error.exitCode };
      }
    });
  }

  async #search(asked: SearchPlan, { settings }: SetUp, group: string, signal: AbortSignal): Promise<Result> {
    const most = this.#order ? TARGET_LIMITS.ratePerSec : asked.toPerSec;
    const plan = { ...asked, toPerSec: Math.min(asked.toPerSec, most) };
    const limit = await searchLimit(plan, async (ratePerSec) => {
      const run = await this.#attack(
        { settings: { ...settings, ratePerSec } as SetUp['settings'] },
        group,
        signal,
      );
      const { result, ...attempt } = attemptOf(ratePerSec, run);
      this.#add(run, `${whole(ratePerSec)}/s`, RESULTS[result]);
      return { ...attempt, result };
    });
    return { sentences: limitSentences(limit, plan), exitCode: LIMIT_EXITS[limit.kind] };
  }

  async #repeat(
    repeat: Parameters<typeof turnsOf>[0],
    group: string,
    baseline: readonly RunRecord[] | undefined,
    signal: AbortSignal,
  ): Promise<Result> {
    const records: RunRecord[] = [];
    const before = this.#services();
    try {
      for (const { setUp, group: own = group } of turnsOf(repeat, group)) {
        if (repeat.versus) await this.#scale({ ...before, ...setUp });
        const record = await this.#attack(setUp, own, signal);
        records.push(record);
        this.#add(record, repeat.versus ? own.slice(-1).toUpperCase() : '', verdictWord(record));
      }
    } finally {
      if (repeat.versus) await this.#scale(before);
    }
    const codes = records.map(({ exitCode }) => exitCode);
    const words = records.map(verdictWord);
    const counts = [...new Set(words)].map((word) => `${words.filter((one) => one === word).length} ${word}`);
    const sentences = [`${plural(records.length, 'run')}: ${counts.join(', ')}.`];
    const side = (name: string) => ({ name, records: records.filter((one) => one.group === name) });
    if (repeat.versus) {
      const comparison = compareRuns(side(`${group}-a`), side(`${group}-b`));
      sentences.unshift(COMPARISON_WORDS[comparison.verdict]);
      sentences.push(...comparisonSentences(comparison));
    }
    if (baseline) {
      const comparison = compareRuns({ name: BASELINE, records: baseline }, { name: 'these runs', records });
      const { worse, exitCode } = regressionOf(comparison);
      codes.push(exitCode);
      sentences.push(
        ...worse.map((sentence) => `Regression against the baseline: ${sentence}`),
        COMPARISON_WORDS[comparison.verdict],
        ...comparisonSentences(comparison),
      );
    }
    return { sentences, exitCode: worstOf(codes) };
  }

  async #attack({ settings }: SetUp, group: string, signal: AbortSignal): Promise<RunRecord> {
    const { attacks } = this.options;
    signal.throwIfAborted();
    const order = this.#order;
    const { runId } = order
      ? await attacks.launchTarget(settings, order.target, { isOwn: order.isOwn, group })
      : await attacks.launch(settings, group);
    this.set({ lastRunId: runId });
    return await this.toEnd(runId, signal);
  }

  #add(run: RunRecord, of: string, result: string): void {
    const { rps, latencyMs } = run.load;
    const isSpeedWithheld = withheldOf(run).length > 0;
    const attempt = { runId: run.id, of, result, rps, p99Ms: latencyMs.p99, isSpeedWithheld };
    this.set({ attempts: [...this.state.attempts, attempt] });
  }

  /** @throws FailureError when there are too few runs to tell a regression from noise */
  async #readBaseline(count: number): Promise<readonly RunRecord[]> {
    const records = await this.options.getBaseline();
    const sound = compareRuns({ name: BASELINE, records }, { name: '', records: [] }).a.runs.length;
    if (areEnough(sound, count)) return records;
    throw bad(
      'how',
      `The baseline has ${plural(sound, 'run')}, and ${plural(count, 'run')} now are too few to tell a regression from noise.`,
      `Make ${FEWEST_RUNS} or more of each: repeat an attack 10 times, and make its runs the baseline on the page Runs.`,
    );
  }

  #services(): Readonly<Record<'gateways' | 'workers', number>> {
    const { countOf } = this.options.cluster;
    return { gateways: countOf('gateway'), workers: countOf('worker') };
  }

  /** Brings the cluster to so many services; nothing where it has them. */
  async #scale(wanted: Pick<SetUp, 'gateways' | 'workers'>): Promise<void> {
    const now = this.#services();
    for (const [role, field] of Object.entries(ROLES) as [ServiceRole, 'gateways' | 'workers'][]) {
      const count = wanted[field];
      if (count !== undefined && count !== now[field]) await this.options.cluster.scale(role, count);
    }
  }
}

const RESULTS = { held: 'held', broken: 'broken', untold: 'not judged' } as const;

const bad = (field: string, message: string, fix: string) =>
  new FailureError({ code: 'campaign.badPlan', field, message, fix });
