import { expect, it } from 'vitest';
import type { ClusterState, PartStats, ServiceState } from '../../contract/state.ts';
import { groupParts, listParts } from './parts.ts';

const cluster: ClusterState = {
  state: 'running',
  steps: [],
  backends: [
    { role: 'postgres', state: 'running', version: '18.0', port: 3 },
    { role: 'rabbitmq', state: 'running', version: '4.1', port: 1 },
    { role: 'redis', state: 'failed', version: '8.2', port: 2, detail: 'killed' },
  ],
};
const service = (id: string, over: Partial<ServiceState> = {}): ServiceState => ({
  id,
  role: id.startsWith('gateway') ? 'gateway' : 'worker',
  state: 'running',
  restarts: 0,
  ...over,
});
const stats: PartStats[] = [
  { role: 'rabbitmq', atMs: 1, cpuPercent: 40, cpuMicros: 0, memoryBytes: 100 },
  { role: 'redis', atMs: 1, cpuPercent: 7, cpuMicros: 0, memoryBytes: 9 },
  { serviceId: 'gateway-2', role: 'gateway', atMs: 1, cpuPercent: 60, memoryBytes: 50, eventLoopLagMs: 3 },
];

it('lists parts in the order of the pipeline', () => {
  const parts = listParts(cluster, [service('worker-1'), service('gateway-1')], [], '0.1.0');
  expect(parts.map(({ id }) => id)).toEqual(['gateway-1', 'rabbitmq', 'worker-1', 'redis', 'postgres']);
});

it('gives each part its own metrics, and none to one that is down', () => {
  const parts = listParts(cluster, [service('gateway-1'), service('gateway-2')], stats, '0.1.0');
  expect(parts.find(({ id }) => id === 'gateway-2')).toMatchObject({ cpuPercent: 60, eventLoopLagMs: 3 });
  expect(parts.find(({ id }) => id === 'gateway-1')?.cpuPercent).toBeUndefined();
  expect(parts.find(({ id }) => id === 'rabbitmq')?.memoryBytes).toBe(100);
  expect(parts.find(({ id }) => id === 'redis')).toMatchObject({ tone: 'bad' });
  expect(parts.find(({ id }) => id === 'redis')?.cpuPercent).toBeUndefined();
});

it('sums a group up by its worst member and its added metrics', () => {
  const services = [
    service('gateway-1', { port: 11, startedAtMs: 5 }),
    service('gateway-2', { port: 12, state: 'restarting' }),
  ];
  const gateways = listParts(cluster, services, stats, '0.1.0').filter(({ role }) => role === 'gateway');
  expect(groupParts(gateways)).toMatchObject({
    tone: 'busy',
    stateText: '1 of 2 restarting',
    count: 2,
    ports: [11, 12],
    startedAtMs: 5,
  });
  expect(groupParts([])).toMatchObject({ tone: 'idle', stateText: 'not started' });
});
