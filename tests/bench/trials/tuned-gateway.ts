/** A gateway whose frames are closed by other rules, for `frames.ts`. Forked by it. */
import process from 'node:process';
import type { GatewayTuning } from '../../../services/gateway/assemble.ts';
import { gatewayStopLimitMs, startGateway } from '../../../services/gateway/gateway.ts';
import { gatewayConfigSchema } from '../../../services/shared/config.ts';
import { runService } from '../../../services/shared/service-process.ts';

/** Missing for what gateways have. */
const gapMs = process.env['TRIAL_GAP_MS'];
const lingerMs = Number(process.env['TRIAL_LINGER_MS'] ?? 0);
/** Turns of the event loop after which a message is closed. */
const turns = Number(process.env['TRIAL_TURNS'] ?? 1);
const afterTurns = (run: () => void, left = turns): void =>
  void setImmediate(() => (left <= 1 ? run() : afterTurns(run, left - 1)));
const tuning: GatewayTuning = {
  maxFlights: Number(process.env['TRIAL_FLIGHTS'] ?? 2),
  ...(gapMs === undefined ? {} : { gapMs: Number(gapMs) }),
  schedule: lingerMs > 0 ? (run: () => void) => void setTimeout(run, lingerMs) : (run) => afterTurns(run),
};
await runService({
  role: 'gateway',
  configSchema: gatewayConfigSchema,
  start: ({ config, log }) => startGateway(config, log, undefined, tuning),
  stopLimitMs: gatewayStopLimitMs,
});
