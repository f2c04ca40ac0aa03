import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { UsageMeter, familyOf } from './usage.ts';

test('a family is a process with all that descend from it', () => {
  const all = new Map([
    [1, { parentPid: 0 }],
    [10, { parentPid: 1 }],
    [11, { parentPid: 10 }],
    [12, { parentPid: 11 }],
    [20, { parentPid: 1 }],
  ]);
  expect(familyOf(10, all).sort()).toEqual([10, 11, 12]);
  expect(familyOf(99, all)).toEqual([]);
});

test('the CPU time of a child counts for its parent', async () => {
  const child = spawn('sh', ['-c', 'sh -c "while :; do :; done" & wait'], {
    detached: true,
    stdio: 'ignore',
  });
  try {
    const meter = new UsageMeter();
    const backends = [{ role: 'redis', pids: [child.pid ?? 0] }] as const;
    expect(meter.read(backends)[0]?.cpuPercent).toBe(0);
    let busiest = 0;
    for (let tries = 0; tries < 50 && busiest === 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const [stats] = meter.read(backends);
      busiest = Math.max(busiest, stats?.cpuPercent ?? 0);
      expect(stats?.memoryBytes).toBeGreaterThan(100_000);
      if (busiest > 0) expect(stats?.cpuMicros).toBeGreaterThan(0);
    }
    expect(busiest).toBeGreaterThan(0);
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }
});

test('the CPU time of a child that has ended still counts', async () => {
  const child = spawn('sh', ['-c', `node -e "while (process.cpuUsage().user < 200_000);"; echo; read line`], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    await once(child.stdout, 'data');
    const [stats] = new UsageMeter().read([{ role: 'redis', pids: [child.pid ?? 0] }]);
    expect(stats?.cpuMicros).toBeGreaterThan(150_000);
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  }
});

test('a backend that has ended uses nothing', () => {
  expect(new UsageMeter().read([{ role: 'redis', pids: [999_999_999] }])[0]).toMatchObject({
    cpuPercent: 0,
    memoryBytes: 0,
  });
});
