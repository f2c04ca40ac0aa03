/**
 * Which `Host` names a service answers to. Any web site can let its own name resolve to 127.0.0.1 (DNS
 * rebinding). The browser then takes its requests for same-origin, and only their Host header gives them
 * away. Only a dotted DNS name can be used like that: addresses don't resolve, and names without a dot come
 * from this machine or network.
 */
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';

export type HostCheck = (host: string | undefined) => boolean;

/**
 * @param boundTo host that the service listens on
 * @param listed further names, with commas between; `*` for any
 * @returns a check of the Host header; `undefined` when every name is allowed
 */
export function hostCheck(boundTo: string, listed: string | undefined): HostCheck | undefined {
  const names = new Set(listed?.toLowerCase().split(',').filter(Boolean));
  // A service that listens on a network without listed names is reached under names that are not known here.
  if (names.has('*') || (names.size === 0 && !isLoopback(boundTo))) return undefined;
  return (host) => {
    // Browsers always send one; HTTP/1.0 need not.
    if (host === undefined) return true;
    const name = host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
    return (
      /^[a-z0-9_-]+$/.test(name) ||
      name.endsWith('.localhost') ||
      isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 ||
      names.has(name)
    );
  };
}

/** Whether a host, as in a URL, is this machine's own loopback. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Programs send no Origin. Pages of this host or of this machine may use a service. */
export function isAllowedOrigin({ headers: { origin, host } }: Pick<IncomingMessage, 'headers'>): boolean {
  if (origin === undefined || isLoopbackOrigin(origin)) return true;
  // An origin that is `null` or not a URL is no page that we serve.
  return URL.canParse(origin) && new URL(origin).host === host;
}

export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}
