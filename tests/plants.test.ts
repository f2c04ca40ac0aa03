/**
 * A checker that is checked: each defect of contract/plants.ts is planted into a real run on a native cluster, after the drain. Exactly
 * its checks must fail, in the audit and in the second judge; the run must say that it was planted; and nothing of it may stay behind.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLANTS, PLANT_IDS } from '../contract/plants.ts';
import type { AttackState } from '../contract/state.ts';
import { titleOf } from '../contract/run-text.ts';
import { describeVerdict } from '../contract/verdict-text.ts';
import { ControlCentre } from '../control/control-centre.ts';
import { formatRun } from '../control/export/export-terminal.ts';
import { verifyEvidence } from '../control/verify/verify-evidence.ts';
import { contradicts, isMinimal } from './support/contradiction.ts';
import { BUILT } from './support/fleet.ts';
import { newDataDir, removeClusters } from './support/native-clusters.ts';
import { waitFor } from './support/worker-world.ts';

const BURST = {
  profile: 'burst',
  requests: 600,
  connections: 60,
  stock: 50,
  // What is lost is waited for until this is over.
  drainTimeoutMs: 1_500,
} as const;

let dataDir: string;
let centre: ControlCentre;
let owner: pg.Client;
let attack: AttackState | undefined;

beforeAll(async () => {
  dataDir = newDataDir();
  centre = await ControlCentre.open({
    dataDir,
    version: '0.0.0-test',
    modules: BUILT,
    childEnv: { FLASHGRID_LOG_LEVEL: 'warn' },
    onQuit: () => undefined,
  });
  centre.on('attack.stateChanged', (event) => (attack = event.attack));
  const started = await centre.call('cluster.start', { provider: 'native' });
  if (!started.ok) throw new Error(started.error.message);
  const settings = JSON.parse(readFileSync(join(dataDir, 'native', 'settings.json'), 'utf8')) as {
    passwords: { postgres: string };
  };
  const port = started.value.backends.find(({ role }) => role === 'postgres')?.port ?? 0;
  owner = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'flashgrid',
    database: 'flashgrid',
    password: settings.passwords.postgres,
  });
  await owner.connect();
});
afterAll(async () => {
  await owner?.end();
  await centre?.release();
  await removeClusters();
});

async function run(settings: object) {
  attack = undefined;
  const launched = await centre.call('attack.launch', { ...BURST, ...settings });
  if (!launched.ok) throw new Error(launched.error.message);
  await waitFor('the verdict', () => ['finished', 'failed'].includes(attack?.phase ?? ''));
  const kept = await centre.call('runs.getRun', { id: launched.value.runId });
  if (!kept.ok) throw new Error(kept.error.message);
  return kept.value;
}

describe('a planted defect', () => {
  it.each([
    ...PLANT_IDS.map((plant) => [plant, 1] as const),
    // Those that have to do with the limit.
    ['double-insert', 3] as const,
    ['over-limit', 3] as const,
  ])(
    '%s breaks exactly its checks with a limit of %i, for both judges, and leaves nothing behind',
    async (plant, perBuyerLimit) => {
      const record = await run({ plant, perBuyerLimit });
      const failed = record.audit.checks.filter(({ ok }) => !ok).map(({ id }) => id);
      expect(failed, record.reasons.join('\n')).toEqual(PLANTS[plant].breaks);
      expect(record).toMatchObject({ verdict: 'fail', exitCode: 3, attack: { plant } });

      for (const { id, evidence } of record.audit.checks.filter(({ ok }) => !ok)) {
        const events = evidence.witness?.events ?? [];
        expect(contradicts[id](events), `${id}: ${JSON.stringify(events)}`).toBe(true);
        expect(isMinimal(id, events), `${id}: ${JSON.stringify(events)}`).toBe(true);
      }

      const judged = await verifyEvidence(join(dataDir, 'evidence', `${record.id}.evidence.gz`), {
        expectedRoot: record.evidenceRoot ?? '',
      });
      const found = Object.entries(judged.checks).filter(([, { state }]) => state === 'failed');
      expect(found.map(([id]) => id)).toEqual(failed);
      expect(judged).toMatchObject({ planted: plant, disputed: [] });

      expect(titleOf(record.attack)).toContain(`planted ${plant}`);
      expect(describeVerdict(record).headline).toBe(
        'A defect was planted on purpose, and the audit found it.',
      );
      expect(formatRun(record, { color: false })).toMatch(/FAIL \(PLANTED\)/);
      expect(record.reasons[0]).toMatch(new RegExp(`^Planted on purpose \\(${plant}\\): .+\\.$`));

      const { rows } = await owner.query(
        `SELECT count(*)::int AS tickets, count(DISTINCT unit_no)::int AS units, to_regclass('planted_tickets')::text AS planted,
              count(*) FILTER (WHERE user_id = 'planted-nobody')::int AS nobodys
         FROM tickets WHERE sale_id = $1`,
        [record.saleId],
      );
      expect(rows).toEqual([{ tickets: 50, units: 50, planted: null, nobodys: 0 }]);
      const sales = await centre.call('sales.listSales', {});
      const sale = sales.ok ? sales.value.find(({ id }) => id === record.saleId) : undefined;
      expect(sale?.counters.remaining).toBe(0);
    },
  );
});

describe('a run after planted ones', () => {
  it('passes, and says nothing of them', async () => {
    const record = await run({});
    expect(record).toMatchObject({ verdict: 'pass', exitCode: 0 });
    expect(formatRun(record, { color: false })).not.toMatch(/plant/i);
  });

  it('is not judged where a defect has no ground: it says what to do', async () => {
    const record = await run({ plant: 'late-grant', requests: 60, stock: 100 });
    expect(record).toMatchObject({ verdict: 'invalid', exitCode: 6, end: 'failed' });
    expect(record.reasons.join(' ')).toMatch(/"late-grant" could not be planted.*too few/);
  });
});
