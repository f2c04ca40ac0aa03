/** RabbitMQ's alarms, and a queue that takes nothing more. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import { milliseconds, plural } from '../../contract/format.ts';
import type { ServiceRole } from '../../contract/state.ts';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import { topology } from '../../services/shared/amqp/topology.ts';
import type { Fault, FaultTools } from './fault.ts';
import { checkTarget, partsOf } from './parts.ts';
import { switched } from './switched.ts';
import { watchPaths } from './taken-paths.ts';

const CONNECT_LIMIT_MS = 5_000;
/** ms that the workers get to finish all frames while the gateways stand still. */
const EMPTY_LIMIT_MS = 3_000;
const EMPTY_LOOK_MS = 100;
const EMPTY_LOOKS = 3;
/** ms that the workers get to consume again. */
const BACK_LIMIT_MS = 10_000;

/**
 * Works out an Erlang expression in a small node beside RabbitMQ's, `N`: `rabbitmqctl` takes seconds on a busy machine.
 * @returns its value, as Erlang writes it
 */
export async function evaluate({ cluster }: FaultTools, value: string, member?: string): Promise<string> {
  const expression = `N = list_to_atom(os:getenv("FLASHGRID_NODE")), io:format("~0p", [${value}]), halt().`;
  const answer = await cluster.run(
    'rabbitmq',
    `export FLASHGRID_NODE="\${RABBITMQ_NODENAME:-rabbit@$(hostname -s)}"
     exec erl -noinput -hidden -sname "fault$$@\${FLASHGRID_NODE#*@}" -eval '${expression.replaceAll("'", `'"'"'`)}'`,
    member,
  );
  if (answer.startsWith('{badrpc')) throw new Error(`RabbitMQ did not do it: ${answer}`);
  return answer;
}

/** Calls a function in RabbitMQ's own node. */
function call(tools: FaultTools, fn: string, args: string): Promise<string> {
  return evaluate(tools, `rpc:call(N, ${fn.replace(':', ', ')}, [${args}])`);
}

/** An alarm as RabbitMQ's own monitor raises it: publishers are held, everything else goes on. */
function alarm(resource: 'disk' | 'memory') {
  const source = `{resource_limit, ${resource}, N}`;
  return switched({
    says: `RabbitMQ held all publishers, by its alarm for ${resource},`,
    paths: ['brokerBlocked', 'frameNotSent', 'buffersFull', 'confirmTimeout'],
    on: async (tools) => void (await call(tools, 'rabbit_alarm:set_alarm', `{${source}, []}`)),
    off: async (tools) => void (await call(tools, 'rabbit_alarm:clear_alarm', source)),
    isOn: async (tools) => (await call(tools, 'rabbit_alarm:get_alarms', '')).includes(resource),
  });
}

export const diskAlarm = alarm('disk');
export const memoryAlarm = alarm('memory');

const binary = (text: string) => `<<${JSON.stringify(text)}>>`;
const VHOST = binary('/');
const POLICY = binary('flashgrid-fault');
const AUTHOR = binary('flashgrid');

/** A queue that nobody takes from fills up; this one after a few frames, not after a GiB of them. */
export const fullQueue = switched({
  says: 'The workers stood still, and the queue took 8 frames and no more,',
  paths: ['frameNacked'],
  mustBeMet: true,
  async on(tools) {
    const pattern = binary(`^${topology(tools.deployment.namespace).queue.replace('.', '[.]')}$`);
    const policy = `${VHOST}, ${POLICY}, ${pattern}, ${binary('{"max-length":8}')}, 0, ${binary('queues')}, ${AUTHOR}`;
    await call(tools, 'rabbit_policy:parse_set', policy);
    signalAll(tools, 'worker', 'SIGSTOP');
  },
  async off(tools) {
    signalAll(tools, 'worker', 'SIGCONT');
    await call(tools, 'rabbit_policy:delete', `${VHOST}, ${POLICY}, ${AUTHOR}`);
  },
  isOn: async (tools) => (await call(tools, 'rabbit_policy:list', '')).includes('flashgrid-fault'),
});

/**
 * The queue goes while it is empty, so the fault itself loses no frame: the gateways stand still until the workers have
 * finished all. What was frozen on its way then meets no queue.
 */
export const noQueue: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const seen = watchPaths(tools, ['frameReturned', 'workerReconnected']);
    const reconnected = () => tools.supervisor.totals.coverage().workerReconnected ?? 0;
    const due = reconnected() + partsOf('workers', tools).length;
    signalAll(tools, 'gateway', 'SIGSTOP');
    try {
      await withBroker(tools, async (channel, queue) => {
        await untilEmpty(tools, channel, queue);
        const { messageCount } = await channel.deleteQueue(queue);
        if (messageCount > 0) throw new Error(`${plural(messageCount, 'frame')} went with the queue`);
      });
    } finally {
      signalAll(tools, 'gateway', 'SIGCONT');
    }
    return {
      targets: [target],
      async effect() {
        const endMs = performance.now() + BACK_LIMIT_MS;
        while (reconnected() < due && performance.now() < endMs) await sleep(EMPTY_LOOK_MS);
        return { hadEffect: true, text: `The queue was deleted while it was empty.${seen()}` };
      },
    };
  },
};

/** @throws Error when frames are left after EMPTY_LIMIT_MS */
async function untilEmpty({ supervisor }: FaultTools, channel: Channel, queue: string): Promise<void> {
  const endMs = performance.now() + EMPTY_LIMIT_MS;
  // A frame may be on its way in RabbitMQ, and workers sample every 100 ms.
  for (let empty = 0; empty < EMPTY_LOOKS;) {
    if (performance.now() > endMs)
      throw new Error(`the queue did not get empty within ${milliseconds(EMPTY_LIMIT_MS)}`);
    await sleep(EMPTY_LOOK_MS);
    const { messageCount } = await channel.checkQueue(queue);
    empty = messageCount === 0 && supervisor.totals.isIdle() ? empty + 1 : 0;
  }
}

async function withBroker(
  { deployment }: FaultTools,
  work: (channel: Channel, queue: string) => Promise<void>,
): Promise<void> {
  const model = await connectBroker(deployment.amqpUrl, { timeout: CONNECT_LIMIT_MS });
  model.on('error', () => undefined);
  try {
    const channel = await model.createChannel();
    channel.on('error', () => undefined);
    await work(channel, topology(deployment.namespace).queue);
  } finally {
    await model.close().catch(() => undefined);
  }
}

function signalAll({ supervisor }: FaultTools, which: ServiceRole, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const { id, role } of supervisor.states()) if (role === which) supervisor.signal(id, signal);
}
