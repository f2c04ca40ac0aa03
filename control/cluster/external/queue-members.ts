/**
 * Which nodes of a RabbitMQ cluster hold a member of our queues. AMQP does not tell, but the management API does, where the plugin
 * runs and the user of the URL may ask it.
 */
import { z } from 'zod';
import { errorText } from '../../../services/shared/error-text.ts';
import { requestLoopback } from '../../lib/loopback.ts';
import { NAMES } from '../cluster.ts';

const ASK_LIMIT_MS = 2_000;
const queuesSchema = z.array(z.object({ name: z.string(), members: z.array(z.string()).optional() }));
const nodesSchema = z.array(z.object({ name: z.string() }));

/** Where the management API of a node is: on the port that `?management=` names, else on RabbitMQ's usual one. */
function managementUrl(node: URL): string {
  const isTls = node.protocol === 'amqps:';
  const port = node.searchParams.get('management') ?? (isTls ? '15671' : '15672');
  return `http${isTls ? 's' : ''}://${node.hostname}:${port}`;
}

async function ask<Value>(node: URL, path: string, schema: z.ZodType<Value>): Promise<Value> {
  const login = `${decodeURIComponent(node.username || 'guest')}:${decodeURIComponent(node.password || 'guest')}`;
  const { status, text } = await requestLoopback(`${managementUrl(node)}/api/${path}`, {
    method: 'GET',
    headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
    limitMs: ASK_LIMIT_MS,
  });
  if (status !== 200) throw new Error(`it answered ${status}`);
  return schema.parse(JSON.parse(text));
}

/**
 * What is wrong with the members of our queues, with the command that mends it; empty when nothing is.
 * @throws Error with why it could not be learnt
 */
export async function lackingMembers(nodes: readonly URL[]): Promise<string[]> {
  const failed: string[] = [];
  for (const node of nodes)
    try {
      const vhost = node.pathname.length > 1 ? node.pathname.slice(1) : '%2F';
      const queues = await ask(node, `queues/${vhost}?columns=name,members`, queuesSchema);
      // Whoever may not see the nodes still knows how many URLs there are.
      const names = await ask(node, 'nodes?columns=name', nodesSchema).catch(() => undefined);
      const known = names?.map(({ name }) => name) ?? [];
      return queues.flatMap(({ name, members }) => {
        const wanted = known.length > 0 ? known.length : nodes.length;
        if (!name.startsWith(`${NAMES.namespace}.`) || members === undefined || members.length >= wanted)
          return [];
        const without = known.filter((one) => !members.includes(one));
        const pattern = name.replaceAll('.', '[.]');
        const commands = (without.length > 0 ? without : ['NODE']).map(
          (one) => `\`rabbitmq-queues grow ${one} all --queue-pattern '^${pattern}$'\``,
        );
        return [
          `${name} has ${members.length} of ${wanted} members (${members.join(', ')}), add the others by ${commands.join(' and ')}`,
        ];
      });
    } catch (error) {
      failed.push(`${managementUrl(node)}: ${errorText(error)}`);
    }
  throw new Error(failed.join('; '));
}
