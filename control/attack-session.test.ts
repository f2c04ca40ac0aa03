import { expect, it } from 'vitest';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import type { AttackState } from '../contract/state.ts';
import { runRecordSchema, type RunRecord } from '../contract/run-record.ts';
import { AttackSession } from './attack-session.ts';
import type { FaultTools } from './faults/fault.ts';
import { GatewayClient } from './sales/gateway-client.ts';
import { ServiceTotals } from './services/service-totals.ts';
import type { Supervisor } from './services/supervisor.ts';

it('keeps an attack whose sale can not be opened as a failed run with its cause', async () => {
  const states: AttackState[] = [];
  const records: RunRecord[] = [];
  const supervisor = {
    states: () => [],
    totals: new ServiceTotals(),
    gatewayUrls: () => [],
    onSample: () => () => undefined,
  };
  const cluster = { provider: 'native', backends: () => [] } as const;
  const deployment = {
    amqpUrl: '',
    redisUrl: '',
    postgresUrl: '',
    namespace: 'test',
    postgresSchema: 'public',
  };
  const ended = new Promise<void>((resolve) => {
    const session = new AttackSession({
      settings: attackSettingsSchema.parse({ profile: 'burst', requests: 100, connections: 10 }),
      version: '0',
      deployment,
      cluster,
      // Nothing is to be broken.
      faultTools: { ...cluster, cluster, deployment, supervisor } as unknown as FaultTools,
      supervisor: supervisor as unknown as Supervisor,
      // No gateway runs: opening the sale fails as it would in life.
      gateways: new GatewayClient(
        () => [],
        () => '',
      ),
      generatorModule: '',
      childEnv: {},
      dataDir: '',
      onState: (state) => {
        states.push(state);
        if (state.phase === 'failed') resolve();
      },
      onSamples: () => undefined,
      onLog: () => undefined,
      saveEvidence: () => Promise.reject(new Error('nothing was audited')),
      onRecord: (record) => Promise.resolve(void records.push(record)),
    });
    expect(session.begin()).toMatchObject({ phase: 'preparing' });
  });
  await ended;
  const [record] = records;
  expect(records).toHaveLength(1);
  expect(() => runRecordSchema.parse(record)).not.toThrow();
  expect(record).toMatchObject({
    end: 'failed',
    verdict: 'invalid',
    exitCode: 6,
    reasons: ['No gateway is running. There is no gateway. There is no worker. Start the cluster first.'],
    load: { sent: 0, unsent: 100 },
  });
  expect(states.at(-1)).toMatchObject({ failure: { code: 'gateway.notRunning' }, exitCode: 6 });
});
