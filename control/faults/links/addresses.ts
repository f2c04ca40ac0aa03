/** The addresses that a link leads to, from the URLs of the services. */
import { EXTERNAL_URLS, urlsIn } from '../../../contract/external-urls.ts';
import { FailureError } from '../../../contract/failure.ts';
import { parseRedisUrl } from '../../../services/shared/redis-url.ts';
import type { LinkName } from '../../../contract/links.ts';
import type { BackendRole } from '../../../contract/backends.ts';
import type { Endpoints } from '../../cluster/cluster.ts';
import type { Address } from './proxy-messages.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'amqp:': 5672,
  'amqps:': 5671,
  'redis:': 6379,
  'rediss:': 6379,
  'postgres:': 5432,
  'postgresql:': 5432,
};

/**
 * The addresses of a backend, one for each node that its URL names.
 * @throws FailureError `links.unsupported` where connections would go round the proxy
 */
export function addressesOf(role: BackendRole, endpoints: Endpoints, link: LinkName): Address[] {
  const target = EXTERNAL_URLS.find((one) => one.role === role);
  if (!target) throw new Error(`no URL is known for ${role}`);
  const unsupported = (why: string, fix: string) =>
    new FailureError({
      code: 'links.unsupported',
      message: `The link ${link} can't be broken: ${why}.`,
      fix,
      field: 'faults',
    });
  if (role === 'redis' && parseRedisUrl(endpoints.redisUrl).kind !== 'single')
    throw unsupported(
      'Sentinel and the nodes of a Redis Cluster tell clients the addresses of servers, which lead round the proxy',
      'Break another link, or a member as a whole (pause:redis-primary), or take a cluster with one server of Redis.',
    );
  const urls = urlsIn(target, endpoints[target.field]).map((text) => new URL(text));
  return urls.map(({ hostname, port, protocol, searchParams }) => {
    if (hostname === '' || searchParams.has('host'))
      throw unsupported(`${target.title} is reached by a socket file`, 'Name a host and a port in its URL.');
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORTS[protocol]) };
  });
}
