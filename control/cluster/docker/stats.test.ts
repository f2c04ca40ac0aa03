import { expect, test } from 'vitest';
import { usageOf } from './stats.ts';

const cpu = { cpu_stats: { cpu_usage: { total_usage: 1 } } };

test('memory is counted without the file cache, of both generations of cgroups', () => {
  expect(usageOf({ ...cpu, memory_stats: { usage: 100, stats: { total_inactive_file: 30 } } })).toEqual({
    memoryBytes: 70,
  });
  expect(usageOf({ ...cpu, memory_stats: { usage: 100, stats: { inactive_file: 40 } } })).toEqual({
    memoryBytes: 60,
  });
  expect(usageOf({ ...cpu, memory_stats: { usage: 10, stats: { inactive_file: 40 } } })).toEqual({
    memoryBytes: 0,
  });
});

test('networks and disks are summed up, and left out when the backend does not count them', () => {
  const usage = usageOf({
    ...cpu,
    memory_stats: { usage: 0, stats: {} },
    networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'Read', value: 5 },
        { op: 'write', value: 7 },
        { op: 'Sync', value: 100 },
        { op: 'read', value: 1 },
      ],
    },
  });
  expect(usage).toEqual({
    memoryBytes: 0,
    networkRxBytes: 11,
    networkTxBytes: 22,
    diskReadBytes: 6,
    diskWriteBytes: 7,
  });
});
