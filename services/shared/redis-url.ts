/**
 * The URLs under which Redis is reached: one server, a Redis Cluster, or a primary that Sentinel names. One parser for
 * services, settings and doctor. It takes no part of Node.js, since pages use it, too.
 */
import { urlList } from './url-list.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** What all servers of a URL share. */
export interface RedisAccess {
  readonly nodes: readonly RedisAddress[];
  readonly username?: string;
  readonly password?: string;
  readonly isTls: boolean;
  /** `host:port` as the servers tell it → where this machine reaches it. */
  readonly natMap?: Readonly<Record<string, { host: string; port: number }>>;
}

export type RedisTarget =
  | (RedisAccess & { readonly kind: 'single' })
  | (RedisAccess & { readonly kind: 'cluster' })
  | (RedisAccess & {
      readonly kind: 'sentinel';
      /** Under which Sentinel knows the primary. */
      readonly name: string;
      readonly sentinelPassword?: string;
    });

/** The message is the end of a sentence: `must name a host`. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const PORT = 6379;
const SENTINEL_PORT = 26_379;
const SCHEMES = 'redis://, rediss://, redis+sentinel:// or redis+cluster://';
/** The password ends at the last "@": it may hold "/", ":" and "@" as typed. */
const SEVERAL = /^(rediss?)\+(sentinel|cluster):\/\/(?:([^?]*)@)?([^@/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s;
const HOST_AND_PORT = /^(\[[^\]]+\]|[^:[\]\s,>]+)(?::(\d{1,5}))?$/;

/** Whether the commas in a URL separate its hosts, and not several URLs. */
export function isOneRedisUrl(text: string): boolean {
  return /^rediss?\+/i.test(text.trim());
}

/** What is wrong with a URL, as the end of a sentence; `undefined` when nothing is. */
export function redisUrlProblem(text: string): string | undefined {
  try {
    parseRedisUrl(text);
    return undefined;
  } catch (error) {
    if (error instanceof RedisUrlError) return error.message;
    throw error;
  }
}

/** @throws RedisUrlError */
export function parseRedisUrl(text: string): RedisTarget {
  return isOneRedisUrl(text) ? parseSeveral(text.trim()) : parsePlain(text);
}

/** Addresses with commas between, without passwords. */
export function redisHosts(text: string): string {
  return parseRedisUrl(text)
    .nodes.map(({ host, port }) => `${host}:${port}`)
    .join(', ');
}

/** A plain URL of each server that a URL names, with what it needs for its login: the Sentinels, or nodes of a Cluster. */
export function redisNodeUrls(text: string): string[] {
  const target = parseRedisUrl(text);
  if (!isOneRedisUrl(text)) return urlList(text);
  const isSentinel = target.kind === 'sentinel';
  const user = isSentinel ? '' : encodeURIComponent(target.username ?? '');
  const password = isSentinel ? target.sentinelPassword : target.password;
  const login = password === undefined ? '' : `${user}:${encodeURIComponent(password)}@`;
  return target.nodes.map(({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host;
    return `redis${target.isTls ? 's' : ''}://${login}${name}:${port}`;
  });
}

/** `redis://…`; several, with commas between, are nodes of one Cluster, and the first has the login. */
function parsePlain(text: string): RedisTarget {
  const urls = text.split(',').map((part) => {
    const url = URL.canParse(part) ? new URL(part) : undefined;
    if (!url || !/^rediss?:$/.test(url.protocol) || part !== part.trim())
      throw new RedisUrlError(`must begin with ${SCHEMES}`);
    if (url.hostname === '') throw new RedisUrlError('must name a host');
    return url;
  });
  const [first] = urls;
  if (!first) throw new RedisUrlError('must name a host');
  return {
    kind: urls.length === 1 ? 'single' : 'cluster',
    nodes: urls.map(({ hostname, port }) => ({ host: bare(hostname), port: Number(port || PORT) })),
    ...loginOf(first.username, first.password),
    isTls: first.protocol === 'rediss:',
  };
}

function parseSeveral(text: string): RedisTarget {
  const [, scheme, kind, login = '', hosts = '', path = '', query = ''] = SEVERAL.exec(text) ?? [];
  if (scheme === undefined) throw new RedisUrlError(`must begin with ${SCHEMES}`);
  const isSentinel = kind === 'sentinel';
  const colon = login.indexOf(':');
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)];
  const { natMap, sentinelPassword } = optionsOf(query, isSentinel);
  const access = {
    nodes: hosts.split(',').map((host) => addressOf(host, isSentinel ? SENTINEL_PORT : PORT)),
    ...loginOf(user, password),
    isTls: scheme === 'rediss',
    ...(natMap === undefined ? {} : { natMap }),
  };
  if (!isSentinel) {
    if (path !== '')
      throw new RedisUrlError('must end after its hosts: a Redis Cluster has no other database');
    return { kind: 'cluster', ...access };
  }
  if (!/^[\w.-]+$/.test(path))
    throw new RedisUrlError('must end with "/" and the name under which Sentinel knows the primary');
  return { kind: 'sentinel', name: path, ...access, ...(sentinelPassword ? { sentinelPassword } : {}) };
}

function loginOf(user: string, password: string): Pick<RedisAccess, 'username' | 'password'> {
  return {
    ...(user === '' ? {} : { username: decoded(user) }),
    ...(password === '' ? {} : { password: decoded(password) }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError('must write a "%" of its user or password as %25');
  }
}

function addressOf(text: string, defaultPort: number): RedisAddress {
  const [, host, port = String(defaultPort)] = HOST_AND_PORT.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new RedisUrlError('must name its hosts as host:port, separated by commas');
  return { host: bare(host), port: Number(port) };
}

/** The host without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function optionsOf(
  query: string,
  isSentinel: boolean,
): Pick<RedisAccess, 'natMap'> & { readonly sentinelPassword?: string } {
  const known = isSentinel ? ['natMap', 'sentinelPassword'] : ['natMap'];
  const options: Record<string, string> = {};
  for (const part of query === '' ? [] : query.split('&')) {
    const [name = '', ...value] = part.split('=');
    if (!known.includes(name))
      throw new RedisUrlError(`must have no options but ${known.join(' and ')} after its "?"`);
    options[name] = decoded(value.join('='));
  }
  const { natMap, sentinelPassword } = options;
  return {
    ...(natMap ? { natMap: natMapOf(natMap) } : {}),
    ...(sentinelPassword ? { sentinelPassword } : {}),
  };
}

function natMapOf(text: string): Record<string, { host: string; port: number }> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [, from, to] = /^([^>\s]+:\d+)>([^>\s]+:\d+)$/.exec(pair) ?? [];
      if (from === undefined || to === undefined)
        throw new RedisUrlError('must give its option natMap as told:port>reached:port, separated by commas');
      return [from, addressOf(to, PORT)];
    }),
  );
}
