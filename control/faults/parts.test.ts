import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { BackendState, MemberState } from '../../contract/backends.ts';
import { FailureError } from '../../contract/failure.ts';
import { kill } from './kill.ts';
import { checkTarget, partsOf } from './parts.ts';
import { FaultRunner } from './fault-runner.ts';
import { parseFaults } from '../../contract/fault-syntax.ts';
import type { FaultTools } from './fault.ts';

const member = (number: number, more: Partial<MemberState> = {}): MemberState => ({
  name: `rabbitmq-${number}`,
  state: 'running',
  handle: String(100 + number),
  ...more,
});

/** A RabbitMQ of three members, whose second one leads until it is killed. */
function world(members: MemberState[] | undefined, provider = 'native') {
  const calls: string[] = [];
  let now = members;
  const cluster = {
    provider,
    kill: (role: string, name: string) => {
      calls.push(`kill ${role} ${name}`);
      now = [member(1), member(2, { state: 'failed' }), member(3, { isLeader: true })];
      setTimeout(() => (now = [member(1), member(2, { handle: '202' }), member(3, { isLeader: true })]), 60);
      return Promise.resolve();
    },
  };
  const backends = (): BackendState[] => [
    { role: 'rabbitmq', state: 'running', ...(now ? { members: now } : {}) },
  ];
  return { calls, tools: { cluster, backends } as unknown as FaultTools };
}
const three = [member(1), member(2, { isLeader: true }), member(3)];

it('hits the member that leads, and tells when it was back and who led then', async () => {
  const { tools, calls } = world(three);
  const { targets, effect } = await kill.inject('rabbitmq-leader', tools, { lengthMs: 0, value: '' });
  expect(calls).toEqual(['kill rabbitmq rabbitmq-2']);
  expect(targets).toEqual(['rabbitmq-2']);
  expect(await effect()).toEqual({
    hadEffect: true,
    text: expect.stringMatching(/^rabbitmq-2 served again after .+\. rabbitmq-3 led after .+\.$/) as string,
  });
});

it('tells the return of a backend as a whole only when all its members are others than before', async () => {
  const steps: MemberState[][] = [
    // Another one leads already, while the rest is killed: that is no return.
    [member(1, { isLeader: true }), member(2, { state: 'failed' }), member(3)],
    [member(1, { state: 'failed' }), member(2, { handle: '202' }), member(3, { state: 'failed' })],
    [member(1, { handle: '201' }), member(2, { handle: '202', isLeader: true }), member(3)],
    // Restarted in turn: its process has ended, and nobody has looked since.
    [member(1, { handle: '201' }), member(2, { handle: '202' }), { name: 'rabbitmq-3', state: 'running' }],
  ];
  const all = [1, 2, 3].map((number) => member(number, { handle: String(200 + number) }));
  let now = three;
  const cluster = { provider: 'native', kill: () => Promise.resolve() };
  const backends = (): BackendState[] => [{ role: 'rabbitmq', state: 'running', members: now }];
  const tools = { cluster, backends, expectKill: () => undefined } as unknown as FaultTools;
  const { targets, effect } = await kill.inject('rabbitmq', tools, { lengthMs: 0, value: '' });
  expect(targets).toEqual(['rabbitmq']);
  let isTold = false;
  const told = effect().finally(() => (isTold = true));
  for (const step of steps) {
    now = step;
    await sleep(80);
    expect(isTold).toBe(false);
  }
  now = all;
  expect(await told).toEqual({
    hadEffect: true,
    text: expect.stringMatching(/^RabbitMQ served again after .+\.$/) as string,
  });
});

it.each([
  [
    'rabbitmq-leader',
    undefined,
    'native',
    'fault.notHighlyAvailable',
    /has no members here: rabbitmq-leader needs/,
  ],
  ['rabbitmq-2', undefined, 'docker', 'fault.notHighlyAvailable', /needs a highly available cluster/],
  ['rabbitmq-2', three, 'external', 'fault.notOurs', /run by others/],
  ['rabbitmq-4', three, 'native', 'fault.noTarget', /There is no rabbitmq-4/],
  ['rabbitmq-leader', [member(1), member(2)], 'native', 'fault.noTarget', /Nobody leads RabbitMQ/],
] as const)('refuses %s where it is not (%#)', (target, members, provider, code, message) => {
  const { tools } = world(members && [...members], provider);
  try {
    partsOf(target, tools);
    expect.unreachable();
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    expect(error.failure).toMatchObject({ code, field: 'faults' });
    expect(error.failure.message).toMatch(message);
  }
});

it('takes a member that does not lead by its name, and waits for no other leader', () => {
  const [part] = partsOf('rabbitmq-3', world(three).tools);
  expect(part).toMatchObject({ id: 'rabbitmq-3', name: 'rabbitmq-3' });
  expect(part?.leader).toBeUndefined();
});

it('waits for the one that leads when nobody does at this moment, as in the middle of a failover', async () => {
  const { tools, calls } = world([member(1), member(2), member(3)]);
  checkTarget('rabbitmq-leader', tools);
  const backends = tools.backends();
  setTimeout(() => (tools.backends = world(three).tools.backends), 60);
  expect(backends[0]?.members?.some(({ isLeader }) => isLeader)).toBe(false);
  const runner = new FaultRunner(tools, { onChange: () => undefined, onLog: () => undefined });
  const [fault] = parseFaults('kill:rabbitmq-leader@start');
  if (!fault) throw new Error('nothing to inject');
  await runner.inject(fault);
  expect(calls).toEqual(['kill rabbitmq rabbitmq-2']);
  expect(runner.outcomes(0)).toMatchObject([{ target: 'rabbitmq-2', hadEffect: true }]);
});

it('waits for no leader once the attack is over', async () => {
  const { tools } = world([member(1), member(2), member(3)]);
  const runner = new FaultRunner(tools, { onChange: () => undefined, onLog: () => undefined });
  const [fault] = parseFaults('kill:rabbitmq-leader@start');
  if (!fault) throw new Error('nothing to inject');
  const injected = runner.inject(fault);
  await runner.settle();
  await injected;
  expect(runner.outcomes(0)).toMatchObject([
    { hadEffect: false, effect: expect.stringMatching(/Nobody leads RabbitMQ/) as string },
  ]);
});
