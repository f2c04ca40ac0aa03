/** A gateway whose frames are closed by other rules, for `frames.ts`. Forked by it. */
import process from 'node:process';
import type { GatewayTuning } from '../../../services/gateway/assemble.ts';
import { gatewayStopLimitMs, startGateway } from '../../../services/gateway/gateway.ts';
import { gatewayConfigSchema } from '../../../services/shared/config.ts';
import { runService } from '../../../services/shared/service-process.ts';

const lingerMs = Number(process.env['TRIAL_LINGER_MS'] ?? 0);
const tuning: GatewayTuning = {
  maxFlights: Number(process.env['TRIAL_FLIGHTS'] ?? 2),
  ...(lingerMs > 0 ? { schedule: (run: () => void) => void setTimeout(run, lingerMs) } : {}),
};
await runService({
  role: 'gateway',
  configSchema: gatewayConfigSchema,
  start: ({ config, log }) => startGateway(config, log, undefined, tuning),
  stopLimitMs: gatewayStopLimitMs,
});
