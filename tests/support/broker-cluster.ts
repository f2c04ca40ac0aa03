/** Three RabbitMQ nodes of a test's own, one cluster: each can be killed, restarted, or cut off from the others. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BackendFolder, removeAsOwner } from '../../control/cluster/native/backend-folder.ts';
import type { ProcessPlan } from '../../control/cluster/native/backend.ts';
import { findPrograms } from '../../control/cluster/native/find-programs.ts';
import { rabbitmqDriver } from '../../control/cluster/native/rabbitmq.ts';
import type { ClusterSettings } from '../../control/cluster/native/settings.ts';
import { probeRabbitmq } from '../../control/cluster/probes.ts';
import { findFreePorts } from '../../control/lib/free-port.ts';
import { unprivilegedUser } from '../../control/processes/system-user.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { waitFor } from './worker-world.ts';

const run = promisify(execFile);
const START_LIMIT_MS = 90_000;
/** Of a test's own cluster on loopback. */
const PASSWORD = 'broker-cluster-password';
const SINGLE_NODE = 'flashgrid@localhost';

export interface BrokerNode {
  readonly name: string;
  readonly url: string;
  /** Resolves when it serves. */
  start(): Promise<void>;
  /** Resolves when it has ended. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Evaluates Erlang in this node. @returns what `~0p` prints of it */
  evaluate(expression: string): Promise<string>;
}

/** Evaluates FLASHGRID_EXPRESSION in the node RABBITMQ_NODENAME; for a shell beside it, as its user. */
export const EVALUATE = `exec erl -noinput -hidden -start_epmd false -sname "test$$@\${RABBITMQ_NODENAME#*@}" -eval '${[
  '{ok, T, _} = erl_scan:string(os:getenv("FLASHGRID_EXPRESSION") ++ ".")',
  '{ok, E} = erl_parse:parse_exprs(T)',
  'N = list_to_atom(os:getenv("RABBITMQ_NODENAME"))',
  '{value, V, _} = rpc:call(N, erl_eval, exprs, [E, []], 20000)',
  'io:format("~0p", [V]), halt().',
].join(', ')}'`;

class NativeNode implements BrokerNode {
  readonly name: string;
  readonly url: string;
  readonly #plan: ProcessPlan;
  readonly #logPath: string;
  #child: ChildProcess | undefined;

  constructor(name: string, url: string, plan: ProcessPlan, logPath: string) {
    this.name = name;
    this.url = url;
    this.#plan = plan;
    this.#logPath = logPath;
  }

  async start(): Promise<void> {
    this.#child = spawnPlan(this.#plan, this.#logPath);
    await whenServing(this);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    signalFamily(child, signal);
    await exited;
  }

  async evaluate(expression: string): Promise<string> {
    const { stdout } = await run('/bin/sh', ['-c', EVALUATE], {
      cwd: this.#plan.workingDir,
      env: { ...this.#plan.env, FLASHGRID_EXPRESSION: expression },
      timeout: 30_000,
      ...(this.#plan.user ? { uid: this.#plan.user.uid, gid: this.#plan.user.gid } : {}),
    });
    return stdout;
  }
}

export const whenServing = ({ name, url }: BrokerNode): Promise<void> =>
  waitFor(`${name} to serve`, () => probeRabbitmq(url).then(Boolean, () => false), START_LIMIT_MS);

export interface BrokerCluster {
  readonly nodes: readonly BrokerNode[];
  /** All nodes, as services are given them. */
  readonly urls: string;
  /** The node that leads a queue. */
  leaderOf(queue: string): Promise<BrokerNode>;
  membersOf(queue: string): Promise<string[]>;
  /** Cuts a node off from the others for good, and not from its clients: they refuse each other's connections. */
  cutOff(node: BrokerNode): Promise<void>;
  close(): Promise<void>;
}

/** Starts the nodes; resolves when all of them serve. */
export async function startBrokerCluster(): Promise<BrokerCluster> {
  const { rabbitmq: binaries } = await findPrograms();
  if (!binaries) throw new Error('this machine has no rabbitmq-server');
  const user = unprivilegedUser();
  const dir = mkdtempSync(join(tmpdir(), 'flashgrid-brokers-'));
  chmodSync(dir, 0o711);
  const undo = new ReleaseStack();
  undo.add('folder', () => removeAsOwner(dir));
  const [epmd = 0, ...ports] = await findFreePorts(7);
  const names = ['one', 'two', 'three'].map((name) => `${name}@localhost`);
  const nodes: NativeNode[] = [];
  try {
    for (const [at, name] of names.entries()) {
      const settings: ClusterSettings = {
        ports: {
          redis: 1,
          postgres: 1,
          rabbitmq: ports[2 * at] ?? 0,
          rabbitmqDist: ports[2 * at + 1] ?? 0,
          epmd,
        },
        passwords: { redis: PASSWORD, postgres: PASSWORD, rabbitmq: PASSWORD, erlangCookie: PASSWORD },
      };
      const folder = new BackendFolder(join(dir, name), user);
      const driver = rabbitmqDriver(binaries, folder);
      driver.configure(settings);
      const [first, second] = driver.plan(settings);
      if (!first || !second) throw new Error('the plan of RabbitMQ has two processes');
      if (at === 0) {
        const child = spawnPlan(first, join(dir, 'epmd.log'));
        undo.add('epmd', () => signalFamily(child, 'SIGKILL'));
      }
      const renamed: ProcessPlan = {
        ...second,
        args: second.args.map((arg) => (arg === SINGLE_NODE ? name : arg)),
        env: {
          ...second.env,
          RABBITMQ_NODENAME: name,
          ERL_FLAGS: [
            `-rabbit cluster_nodes {[${names.map((one) => `'${one}'`).join(',')}],disc}`,
            // As docs/usage.md advises: the minority stops, and a node that says nothing counts as gone after seconds.
            '-rabbit cluster_partition_handling pause_minority -kernel net_ticktime 6 -aten poll_interval 1000',
          ].join(' '),
        },
      };
      const url = `amqp://flashgrid:${PASSWORD}@127.0.0.1:${settings.ports.rabbitmq}`;
      const node = new NativeNode(name, url, renamed, join(dir, `${name}.log`));
      nodes.push(node);
      undo.add(name, () => node.end('SIGKILL'));
    }
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await undo.release();
    throw error;
  }
  return brokerCluster(nodes, undo);
}

/** What is asked of nodes, however they run. */
export function brokerCluster(nodes: readonly BrokerNode[], undo: ReleaseStack): BrokerCluster {
  const names = nodes.map(({ name }) => name);
  const find = async (queue: string) => {
    const looking = nodes.map((node) =>
      node.evaluate(
        `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)), {rabbit_amqqueue:info(Q, [leader, members])}`,
      ),
    );
    return await Promise.any(looking);
  };
  return {
    nodes,
    urls: nodes.map(({ url }) => url).join(','),
    async leaderOf(queue) {
      const text = await find(queue);
      const leader = /\{leader,'?([a-z0-9@-]+)/.exec(text)?.[1];
      const node = nodes.find(({ name }) => name === leader);
      if (!node) throw new Error(`${queue} has no leader: ${text}`);
      return node;
    },
    async membersOf(queue) {
      const text = await find(queue);
      return names.filter((name) => /\{members,\[(.*?)\]/.exec(text)?.[1]?.includes(name));
    },
    async cutOff(node) {
      const others = names.filter((name) => name !== node.name);
      const each = others.map(
        (name) => `erlang:set_cookie('${name}', other), erlang:disconnect_node('${name}')`,
      );
      await node.evaluate(each.join(', '));
    },
    close: () => undo.release(),
  };
}

function spawnPlan(plan: ProcessPlan, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a');
  try {
    return spawn(plan.command, plan.args, {
      cwd: plan.workingDir,
      env: plan.env,
      detached: true,
      stdio: ['ignore', log, log],
      ...(plan.user ? { uid: plan.user.uid, gid: plan.user.gid } : {}),
    });
  } finally {
    closeSync(log);
  }
}

/** The shell, the Erlang machine and its helpers are one process group. */
function signalFamily(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, signal);
}
