/** The worker as a process of its own. */
import { workerConfigSchema } from '../shared/config.ts';
import { runService } from '../shared/service-process.ts';
import { startWorker } from './worker.ts';

await runService({
  role: 'worker',
  configSchema: workerConfigSchema,
  start: ({ config, log }) => startWorker(config, { log, hasProcessMetrics: true }),
  stopLimitMs: (config) => config.FLASHGRID_STOP_TIMEOUT_MS + 1_000,
});
