/**
 * Which `Host` names a service answers to. A page of any site can let its own name resolve to 127.0.0.1 (DNS rebinding); its requests then count
 * as same-origin in the browser, and only their Host tells. Only a dotted DNS name can be used so: an address can't be
 * made to resolve to another one, and names without a dot come from this machine or network.
 */
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';

export type HostCheck = (host: string | undefined) => boolean;

/**
 * @param boundTo host that the service listens on
 * @param listed names that it is reached by besides, parted by commas; `*` for any
 * @returns a check of the Host header; `undefined` when every name will do
 */
export function hostCheck(boundTo: string, listed: string | undefined): HostCheck | undefined {
  const names = new Set(listed?.toLowerCase().split(',').filter(Boolean));
  // Whoever opens it to a network without listing names has it reached by names that are not known here.
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

/** Programs send no Origin; pages of this host or of the machine itself may talk to a service. */
export function isAllowedOrigin({ headers: { origin, host } }: Pick<IncomingMessage, 'headers'>): boolean {
  if (origin === undefined || isLoopbackOrigin(origin)) return true;
  // `null`, or not a URL: no page that we serve.
  return URL.canParse(origin) && new URL(origin).host === host;
}

export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}
