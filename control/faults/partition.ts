/**
 * Cuts the member that leads off from the others, for a while, without rights of a network's owner: each member refuses the
 * others by what it knows of them. It lives on, and so do the connections of its clients.
 */
import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import type { BackendRole } from '../../contract/backends.ts';
import { memberOf } from '../../contract/faults.ts';
import { milliseconds } from '../../contract/format.ts';
import type { Fault, FaultTools } from './fault.ts';
import { checkTarget, partsOf, watchTakeover, type Part } from './parts.ts';
import { evaluate } from './rabbitmq-faults.ts';

/** Cuts a member off. @returns what says whether it is cut off at this moment, and what ends it */
type Cut = (member: Part, tools: FaultTools) => Promise<{ isCut(): Promise<boolean>; heal(): Promise<void> }>;

/** The node takes the others' cookie for wrong, as that of a cluster that is not its own: neither can connect to the other. */
const cutRabbitmq: Cut = async ({ id }, tools) => {
  const each = (nodes: string, calls: string) => evaluate(tools, `[begin ${calls} end || M <- ${nodes}]`, id);
  const others = await evaluate(tools, 'rpc:call(N, erlang, nodes, [])', id);
  await each(
    others,
    'rpc:call(N, erlang, set_cookie, [M, cut_off]), rpc:call(N, erlang, disconnect_node, [M])',
  );
  return {
    isCut: async () =>
      others !== '[]' && (await evaluate(tools, 'rpc:call(N, erlang, nodes, [])', id)) === '[]',
    heal: async () =>
      void (await each(
        others,
        'rpc:call(N, erlang, set_cookie, [M, erlang:get_cookie()]), rpc:call(N, net_kernel, connect_node, [M])',
      )),
  };
};

/** Another password, which replicas and Sentinels do not know; whoever is connected stays so. */
const cutRedis: Cut = async ({ id }, { deployment, backends }) => {
  const port = backends()
    .find(({ role }) => role === 'redis')
    ?.members?.find(({ name }) => name === id)?.port;
  const password = decodeURIComponent(/\/\/[^:@/]*:([^@]*)@/.exec(deployment.redisUrl)?.[1] ?? '');
  const redis = new Redis({ host: '127.0.0.1', port: port ?? 0, password, retryStrategy: () => null });
  redis.on('error', () => undefined);
  await redis.config('SET', 'requirepass', randomBytes(24).toString('hex'));
  const clients = String(await redis.client('LIST')).split('\n');
  for (const client of clients) {
    const number = /(?:^| )id=(\d+)/.exec(client)?.[1];
    const isOther = / name=sentinel-/.test(client) || / flags=[A-Z]*S/.test(client);
    if (number !== undefined && isOther) await redis.client('KILL', 'ID', number);
  }
  return {
    isCut: async () => (await redis.info('replication')).includes('connected_slaves:0'),
    async heal() {
      await redis.config('SET', 'requirepass', password);
      redis.disconnect();
    },
  };
};

/**
 * Its agent (Patroni) stands still: it can't renew the lease that makes it the primary, and does not hear that another one has
 * it. Its Postgres serves on.
 */
const cutPostgres: Cut = async ({ id }, { cluster }) => {
  // No file names its process; its folder does. The brackets keep this shell itself out.
  const agents = (todo: string) =>
    cluster.run(
      'postgres',
      `for p in /proc/[0-9]*; do
         [ "$(readlink $p/cwd)" = "$PWD" ] && tr '\\0' ' ' < $p/cmdline | grep -q 'patron[i]' && ${todo}
       done; true`,
      id,
    );
  await agents('kill -STOP ${p#/proc/}');
  return {
    isCut: async () => (await agents("grep -q '^State:.T' $p/status && echo stopped")).includes('stopped'),
    heal: async () => void (await agents('kill -CONT ${p#/proc/}')),
  };
};

const CUTS: Readonly<Record<BackendRole, Cut>> = {
  rabbitmq: cutRabbitmq,
  redis: cutRedis,
  postgres: cutPostgres,
};

export const partition: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const [part] = partsOf(target, tools);
    const role = memberOf(target)?.role;
    if (!part || !role) throw new Error(`${target} is no member`);
    const sinceMs = performance.now();
    const takeover = watchTakeover([part]);
    const cut = await CUTS[role](part, tools);
    let wasCut = false;
    let lengthMs = 0;
    return {
      targets: [part.id],
      async heal() {
        wasCut = await cut.isCut().catch(() => false);
        await cut.heal();
        lengthMs = performance.now() - sinceMs;
      },
      async effect() {
        const text = wasCut
          ? `${part.name} was cut off for ${milliseconds(lengthMs)}.`
          : `${part.name} was not cut off when that was to end.`;
        return { hadEffect: wasCut, text: text + (await takeover(0)) };
      },
    };
  },
};
