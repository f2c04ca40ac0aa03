/** Three RabbitMQ nodes of a test's own in containers of one network, reached on ports of 127.0.0.1. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findFreePorts } from '../../../control/lib/free-port.ts';
import { ReleaseStack } from '../../../services/shared/release-stack.ts';
import {
  brokerCluster,
  EVALUATE,
  whenServing,
  type BrokerCluster,
  type BrokerNode,
} from '../../support/broker-cluster.ts';
import { uniqueName } from '../../support/backends.ts';
import { testBackend } from './rig.ts';

const PASSWORD = 'broker-cluster-password';
const HOSTS = ['mq-1', 'mq-2', 'mq-3'];

/** As docs/rabbitmq-cluster.md advises. */
const RABBITMQ_CONF = [
  'default_user = flashgrid',
  `default_pass = ${PASSWORD}`,
  'default_user_tags.administrator = true',
  'cluster_partition_handling = pause_minority',
  'raft.adaptive_failure_detector.poll_interval = 1000',
  'cluster_formation.peer_discovery_backend = classic_config',
  // Of the first one only: RabbitMQ 4 waits for the others that the list names before it serves.
  `cluster_formation.classic_config.nodes.1 = rabbit@${HOSTS[0]}`,
].join('\n');
const ADVANCED_CONFIG = '[{kernel, [{net_ticktime, 6}]}].\n';
const WRITE_AND_START = [
  'cd /etc/rabbitmq',
  'printf %s "$CONF" >rabbitmq.conf',
  'printf %s "$ADVANCED" >advanced.config',
  'printf "[rabbitmq_management]." >enabled_plugins',
  `printf %s ${PASSWORD} >/var/lib/rabbitmq/.erlang.cookie`,
  'chmod 400 /var/lib/rabbitmq/.erlang.cookie',
  'exec docker-entrypoint.sh rabbitmq-server',
].join(' && ');

export interface BrokerContainer extends BrokerNode {
  /** Runs a program in the container, as RabbitMQ's user. */
  run(...command: string[]): Promise<string>;
}

export interface BrokerContainers extends BrokerCluster {
  readonly nodes: readonly BrokerContainer[];
}

async function docker(...args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: testBackend().host };
  return (await promisify(execFile)('docker', args, { env, timeout: 60_000 })).stdout.trim();
}

/** Makes the nodes and starts none. */
export async function makeBrokerContainers(): Promise<BrokerContainers> {
  const { prefix, tag } = testBackend();
  const network = uniqueName('flashgrid-brokers');
  const ports = await findFreePorts(2 * HOSTS.length);
  const undo = new ReleaseStack();
  try {
    await docker('network', 'create', network);
    undo.add('network', () => docker('network', 'rm', network));
    const nodes: BrokerContainer[] = [];
    for (const host of HOSTS) {
      const [amqp, management] = ports.splice(0, 2);
      const name = `${network}-${host}`;
      const id = await docker(
        ...['create', '--name', name, '--hostname', host, '--network', network, '--network-alias', host],
        ...['-p', `127.0.0.1:${amqp}:5672`, '-p', `127.0.0.1:${management}:15672`],
        ...['-e', `CONF=${RABBITMQ_CONF}`, '-e', `ADVANCED=${ADVANCED_CONFIG}`],
        // Erlang sizes a table by the limit of open files.
        ...['-e', `RABBITMQ_NODENAME=rabbit@${host}`, '-e', 'ERL_MAX_PORTS=65536'],
        ...[`${prefix}/rabbitmq:${tag}`, 'bash', '-c', WRITE_AND_START],
      );
      undo.add(name, () => docker('rm', '-f', '-v', id));
      const run = (...command: string[]) => docker('exec', '-u', 'rabbitmq', id, ...command);
      const node: BrokerContainer = {
        name: `rabbit@${host}`,
        url: `amqp://flashgrid:${PASSWORD}@127.0.0.1:${amqp}?management=${management}`,
        async start() {
          await docker('start', id);
          await whenServing(node);
        },
        async end(signal) {
          await docker('kill', '--signal', signal, id);
          await docker('wait', id);
        },
        evaluate: (expression) => run('env', `FLASHGRID_EXPRESSION=${expression}`, 'sh', '-c', EVALUATE),
        run,
      };
      nodes.push(node);
    }
    return { ...brokerCluster(nodes, undo), nodes };
  } catch (error) {
    await undo.release();
    throw error;
  }
}
