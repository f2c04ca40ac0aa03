import { expect, it } from 'vitest';
import { registerSecrets } from '../services/shared/redact.ts';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import { Attacks } from './attacks.ts';
import { commandHandlers, type CommandParts } from './command-handlers.ts';

const deployment = {
  amqpUrl: 'amqp://flashgrid:a-password-1@127.0.0.1:5672',
  redisUrl: 'redis://:a-password-2@127.0.0.1:6379',
  postgresUrl: 'postgresql://flashgrid_service:a-password-3@127.0.0.1:5432/flashgrid',
  postgresAuditUrl: 'postgresql://flashgrid_audit:a-password-4@127.0.0.1:5432/flashgrid',
};
const parts = { options: {}, cluster: { running: () => ({ deployment }) } } as unknown as CommandParts;
const list = (caller: 'page' | 'terminal') => commandHandlers(parts)['cluster.listConnections']({}, caller);

it('tells a terminal how to reach the backends, of Postgres as a user that only reads', () => {
  expect(list('terminal')).toEqual([
    { role: 'rabbitmq', url: deployment.amqpUrl },
    { role: 'redis', url: deployment.redisUrl },
    { role: 'postgres', url: deployment.postgresAuditUrl },
  ]);
});

it('tells a page no password', () => {
  registerSecrets(...Object.values(deployment));
  expect(list('page')).toEqual([
    { role: 'rabbitmq', url: 'amqp://flashgrid@127.0.0.1:5672' },
    { role: 'redis', url: 'redis://127.0.0.1:6379' },
    { role: 'postgres', url: 'postgresql://flashgrid_audit@127.0.0.1:5432/flashgrid' },
  ]);
});

it.each([
  [{ behaviours: 'several:10%' }, 'behaviours', /^--behaviour: several needs a limit of 2 tickets/],
  [{ zipf: 1 }, 'zipf', /^--zipf: needs 2 sales or more \(--sales\)\.$/],
  [{ sales: 2, plant: 'phantom' }, 'sales', /^--sales: does not go with --plant/],
  [{ sales: 2, faults: 'flush:redis@1s' }, 'faults', /^--fault: flush needs one sale/],
  [{ sales: 1_001, faults: 'lose:redis@1s' }, 'sales', /^--sales: may be at most 1000 with --fault lose/],
] as const)('refuses %j from a page too, as the terminal does', async (settings, field, message) => {
  const free = { refuseWhileRunning: () => undefined };
  const attacks = new Attacks({} as ConstructorParameters<typeof Attacks>[0]);
  const others = { matrix: free, lab: free, campaign: free };
  const handlers = commandHandlers({ ...parts, attacks, ...others } as unknown as CommandParts);
  const attack = attackSettingsSchema.parse({ profile: 'burst', ...settings });
  const failure = { code: 'attack.contradiction', field, message: expect.stringMatching(message) as string };
  await expect(handlers['attack.launch'](attack, 'page')).rejects.toMatchObject({ failure });
});
