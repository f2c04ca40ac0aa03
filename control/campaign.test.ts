import { describe, expect, it, vi } from 'vitest';
import { attackSettingsSchema, type AttackSettings } from '../contract/attack-settings.ts';
import { campaignPlanSchema, readOther, type CampaignState } from '../contract/campaign.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { FailureError } from '../contract/failure.ts';
import { searchPlanSchema } from '../contract/limit.ts';
import type { RunRecord } from '../contract/run-record.ts';
import type { AttackState, ServiceRole } from '../contract/state.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { Campaign } from './campaign.ts';

const burst = attackSettingsSchema.parse({ profile: 'burst', requests: 100, connections: 10 });
const steady = attackSettingsSchema.parse({
  profile: 'sustained',
  ratePerSec: 1,
  durationSec: 1,
  slo: 'p99<50ms',
});

interface Made {
  readonly settings: AttackSettings;
  readonly group: string;
  readonly workers: number;
}

/** A campaign on attacks whose records are made up. */
function makeCampaign(recordOf: (made: Made, at: number) => Partial<RunRecord> = () => ({})) {
  const made: Made[] = [];
  const counts = { gateway: 1, worker: 2 };
  let cancelled = false;
  const states: CampaignState[] = [];
  const launch = (settings: AttackSettings, group = '') => {
    made.push({ settings, group, workers: counts.worker });
    cancelled = false;
    return Promise.resolve({ runId: `run-${made.length}` } as AttackState);
  };
  const campaign = new Campaign({
    attacks: {
      refuseWhileActive: () => undefined,
      launch: vi.fn(launch),
      launchTarget: vi.fn((settings: AttackSettings, _: unknown, { group }: { group?: string | undefined }) =>
        launch(settings, group),
      ),
      whenOver: () =>
        Promise.resolve({
          runId: `run-${made.length}`,
          phase: cancelled ? 'cancelled' : 'finished',
        } as AttackState),
      cancel: () => Promise.resolve(void (cancelled = true)),
    },
    cluster: {
      countOf: (role: ServiceRole) => counts[role],
      scale: (role: ServiceRole, count: number) => Promise.resolve(void (counts[role] = count)),
      requireRunning: () => undefined,
    },
    getRun: (id) => {
      const at = made.length - 1;
      const own = made[at];
      if (!own) throw new Error('no attack was made');
      return Promise.resolve({ ...fixtureRun({ id }), group: own.group, ...recordOf(own, at) });
    },
    getBaseline: () => Promise.resolve([fixtureRun({ id: 'run-base' })]),
    onState: (state) => states.push(state),
  });
  const over = () => vi.waitUntil(() => states.at(-1)?.phase === 'idle' && states.at(-1));
  return { campaign, made, counts, over };
}

const failureOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof FailureError ? error.failure : error;
};

describe('several attacks', () => {
  it('repeat one in one group, and tell the worst of their codes', async () => {
    const { campaign, made, over } = makeCampaign((_, at) => (at === 1 ? { exitCode: 4 } : {}));
    const how = { kind: 'repeat', count: 3 };
    await campaign.start(campaignPlanSchema.parse({ setUp: { settings: burst }, how }));
    expect(await failureOf(Promise.resolve().then(() => campaign.refuseWhileRunning()))).toMatchObject({
      code: 'campaign.busy',
    });
    const end = await over();
    expect(end).toMatchObject({ total: 3, exitCode: 4, lastRunId: 'run-3' });
    expect(end && end.attempts.map(({ runId }) => runId)).toEqual(['run-1', 'run-2', 'run-3']);
    expect(end && made.map(({ group }) => group)).toEqual(Array(3).fill(end && end.groups[0]));
    expect(end && end.sentences[0]).toMatch(/^3 runs: /);
  });

  it('make two set-ups in turn, each on its own services, and leave the cluster as it was', async () => {
    const { campaign, made, counts, over } = makeCampaign();
    const other = readOther('--workers 3 --connections 5', { settings: burst });
    const how = { kind: 'versus', count: 2, other };
    await campaign.start(campaignPlanSchema.parse({ setUp: { settings: burst }, how }));
    const end = await over();
    expect(made.map(({ settings, group, workers }) => [group.at(-1), workers, settings.connections])).toEqual(
      [
        ['a', 2, 10],
        ['b', 3, 5],
        ['b', 3, 5],
        ['a', 2, 10],
      ],
    );
    expect(counts.worker).toBe(2);
    expect(end && end.attempts.map(({ of }) => of)).toEqual(['A', 'B', 'B', 'A']);
    expect(end && end.sentences.length).toBeGreaterThan(1);
  });

  it('search for the limit, and tell the knee with its range', async () => {
    const { campaign, made, over } = makeCampaign(({ settings }) =>
      settings.profile === 'sustained' && settings.ratePerSec > 900
        ? { exitCode: EXIT.thresholdMissed, verdict: 'fail', reasons: ['p99 was 60 ms.'] }
        : { exitCode: EXIT.pass },
    );
    const search = { fromPerSec: 100, toPerSec: 5_000, confirm: 2 };
    await campaign.start(
      campaignPlanSchema.parse({ setUp: { settings: steady }, how: { kind: 'limit', search } }),
    );
    const end = await over();
    expect(end && end.sentences[0]).toMatch(
      /^The limit is (8\d\d|900) requests\/s: the highest rate that held in each of 2/,
    );
    expect(end && end.sentences).toContain('Broken: p99 was 60 ms.');
    expect(end && end.attempts[0]).toMatchObject({ of: '100/s', result: 'held' });
    expect(end && end.total).toBeUndefined();
    expect(new Set(made.map(({ group }) => group))).toEqual(new Set(end && end.groups));
  });

  it('end when they are stopped, or when a promise is broken in a search', async () => {
    const stopped = makeCampaign();
    const repeat = campaignPlanSchema.parse({
      setUp: { settings: burst },
      how: { kind: 'repeat', count: 200 },
    });
    await stopped.campaign.start(repeat);
    await stopped.campaign.stop();
    expect(stopped.made.length).toBeLessThan(200);
    expect(stopped.campaign.state).toMatchObject({ phase: 'idle', sentences: [] });

    const broken = makeCampaign(() => ({
      exitCode: EXIT.auditFailed,
      verdict: 'fail',
      reasons: ['One too many.'],
    }));
    const search = { fromPerSec: 100, toPerSec: 5_000, confirm: 2 };
    await broken.campaign.start(
      campaignPlanSchema.parse({ setUp: { settings: steady }, how: { kind: 'limit', search } }),
    );
    expect(await broken.over()).toMatchObject({
      exitCode: EXIT.auditFailed,
      sentences: ['The search is stopped: One too many. (run run-1)'],
    });
  });

  it('are refused where nothing could come of them', async () => {
    const { campaign } = makeCampaign();
    const search = { fromPerSec: 100, toPerSec: 5_000, confirm: 2 };
    const start = (settings: AttackSettings, how: object) =>
      failureOf(campaign.start(campaignPlanSchema.parse({ setUp: { settings }, how })));
    const none = { ...steady, slo: undefined };
    expect(await start(none, { kind: 'limit', search })).toMatchObject({
      code: 'campaign.badPlan',
      field: 'slo',
    });
    expect(await start({ ...burst, slo: 'p99<5ms' }, { kind: 'limit', search })).toMatchObject({
      field: 'profile',
    });
    // One run there, and three here, could never tell a regression from noise.
    expect(await start(burst, { kind: 'repeat', count: 3, isAgainstBaseline: true })).toMatchObject({
      message: expect.stringMatching(/^The baseline has 1 run, and 3 runs now are too few/) as string,
    });
    expect(campaign.state.phase).toBe('idle');
    expect(searchPlanSchema.safeParse({ ...search, toPerSec: 100 }).success).toBe(false);
    expect(() => readOther('--preset flagship', { settings: burst })).toThrow(
      /There is no option --preset here/,
    );
    expect(() => readOther('', { settings: burst })).toThrow(/Write what differs as options/);
  });
});
