/** The gateway as a process of its own. */
import { gatewayConfigSchema } from '../shared/config.ts';
import { runService } from '../shared/service-process.ts';
import { gatewayStopLimitMs, startGateway } from './gateway.ts';

await runService({
  role: 'gateway',
  configSchema: gatewayConfigSchema,
  start: ({ config, log }) => startGateway(config, log),
  stopLimitMs: gatewayStopLimitMs,
});
