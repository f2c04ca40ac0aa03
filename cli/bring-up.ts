/** How a command of the terminal brings the cluster up. */
import { readCount, type OptionValues } from '../contract/attack-options.ts';
import { readOtlpUrl, readProvider } from './args.ts';
import { whenInterrupted } from './interrupt.ts';
import type { Output } from './output.ts';
import { seconds } from './progress.ts';
import { must, type Session } from './session.ts';

export interface StartOptions {
  readonly provider: ReturnType<typeof readProvider>;
  readonly highlyAvailable: boolean;
  readonly otlpUrl: string | undefined;
  readonly gateways: number | undefined;
  readonly workers: number | undefined;
}

export function readStart(values: OptionValues): StartOptions {
  return {
    provider: readProvider(values),
    highlyAvailable: values['ha'] === true,
    otlpUrl: readOtlpUrl(values),
    gateways: readCount(values, 'gateways', 1, 16),
    workers: readCount(values, 'workers', 1, 16),
  };
}

/** Starts the cluster, or joins a start that is under way; a running one is left as it is. */
export async function bringUp(
  { client, lost }: Session,
  { provider, highlyAvailable, otlpUrl, gateways, workers }: StartOptions,
  out: Output,
  interrupt: AbortSignal,
): Promise<void> {
  const before = (await must(client, 'app.getSnapshot', {})).cluster.state;
  interrupt.throwIfAborted();
  // A start by another command is not ours to cancel.
  const isJoined = before === 'starting';
  const cancel = () => void client.call('cluster.cancelStart', {});
  if (!isJoined && before !== 'running') interrupt.addEventListener('abort', cancel, { once: true });
  try {
    const starting = must(client, 'cluster.start', {
      ...(provider === undefined ? {} : { provider }),
      ...(highlyAvailable ? { highlyAvailable } : {}),
      ...(otlpUrl === undefined ? {} : { otlpUrl }),
    });
    const state = await Promise.race([starting, lost, ...(isJoined ? [whenInterrupted(interrupt)] : [])]);
    if (gateways !== undefined) await must(client, 'services.scale', { role: 'gateway', count: gateways });
    if (workers !== undefined) await must(client, 'services.scale', { role: 'worker', count: workers });
    interrupt.throwIfAborted();
    const took = state.startDurationMs === undefined ? '' : ` in ${seconds(state.startDurationMs)}`;
    out.print(
      before === 'running'
        ? `  The cluster runs already, on ${state.provider ?? ''}.`
        : `  Cluster ready on ${state.provider ?? ''}${took}`,
    );
    if (before === 'running' && otlpUrl !== undefined)
      out.print('  --otlp takes effect when it is started: run `flashgrid down` first.');
  } finally {
    interrupt.removeEventListener('abort', cancel);
  }
}
