/** RabbitMQ's alarms, and a queue that takes nothing more. */
import { topology } from '../../services/shared/amqp/topology.ts';
import type { FaultTools } from './fault.ts';
import { switched } from './switched.ts';

/**
 * Calls a function in RabbitMQ's own node, from a small Erlang node beside it: `rabbitmqctl` takes seconds on a
 * busy machine. `N` in the arguments is RabbitMQ's node.
 * @returns what the function returned, as Erlang writes it
 */
async function call({ cluster }: FaultTools, fn: string, args: string): Promise<string> {
  const [module, name] = fn.split(':');
  const expression = `N = list_to_atom(os:getenv("FLASHGRID_NODE")), io:format("~0p", [rpc:call(N, ${module}, ${name}, [${args}])]), halt().`;
  const answer = await cluster.run(
    'rabbitmq',
    `export FLASHGRID_NODE="\${RABBITMQ_NODENAME:-rabbit@$(hostname -s)}"
     exec erl -noinput -hidden -sname "fault$$@\${FLASHGRID_NODE#*@}" -eval '${expression}'`,
  );
  if (answer.startsWith('{badrpc')) throw new Error(`RabbitMQ did not do it: ${answer}`);
  return answer;
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
    signalWorkers(tools, 'SIGSTOP');
  },
  async off(tools) {
    signalWorkers(tools, 'SIGCONT');
    await call(tools, 'rabbit_policy:delete', `${VHOST}, ${POLICY}, ${AUTHOR}`);
  },
  isOn: async (tools) => (await call(tools, 'rabbit_policy:list', '')).includes('flashgrid-fault'),
});

function signalWorkers({ supervisor }: FaultTools, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const { id, role } of supervisor.states()) if (role === 'worker') supervisor.signal(id, signal);
}
