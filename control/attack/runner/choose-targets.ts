import { FailureError } from '../../../contract/failure.ts';
import type { GatewayClient } from '../../sales/gateway-client.ts';

/**
 * Base URLs of the gateways to attack: those that answer. Requests to a frozen gateway would say nothing
 * about the engine.
 * @param all the gateways that count as running
 * @param onLeftOut called with a sentence when some do not answer
 * @throws FailureError `attack.targetUnreachable` when none does
 */
export async function chooseTargets(
  all: readonly string[],
  gateways: Pick<GatewayClient, 'answering'>,
  onLeftOut: (text: string) => void,
): Promise<string[]> {
  const answering = await gateways.answering();
  const silent = all.filter((url) => !answering.includes(url)).join(', ');
  if (answering.length === 0)
    throw new FailureError({
      code: 'attack.targetUnreachable',
      message: all.length === 0 ? 'No gateway is running.' : `No gateway answers: ${silent}.`,
      fix: 'Look at the log of the gateways, or stop the cluster and start it again.',
    });
  if (silent !== '')
    onLeftOut(
      `no answer from ${silent}: left out; the attack goes to ${answering.length} of ${all.length} gateways`,
    );
  return answering;
}
