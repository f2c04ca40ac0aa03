/** What keeps an attack from a shop of somebody else: addresses that nobody else can have, and a bounded load. */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { FailureError } from '../../contract/failure.ts';
import type { AttackSettings } from '../../contract/attack-settings.ts';
import { unfitForOthers } from '../../contract/adapter.ts';
import { paceFor, totalRequests } from '../../contract/attack-settings.ts';
import { whole } from '../../contract/format.ts';
import { TARGET_LIMITS, type Target } from '../../contract/target.ts';
import { withLimit } from '../../services/shared/time-limit.ts';

const LOOKUP_LIMIT_MS = 5_000;

// Link-local addresses are left out: clouds have their metadata there.
const nearby = new BlockList();
nearby.addSubnet('127.0.0.0', 8);
nearby.addSubnet('10.0.0.0', 8);
nearby.addSubnet('172.16.0.0', 12);
nearby.addSubnet('192.168.0.0', 16);
nearby.addAddress('::1', 'ipv6');
nearby.addSubnet('fc00::', 7, 'ipv6');

/** Whether an IP address is loopback or private. */
export const isNearby = (address: string): boolean =>
  isIP(address) !== 0 && nearby.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * Every address that the target's hosts stand for must be loopback or private.
 * @throws FailureError `target.notPrivate`, `target.unknownHost`
 */
export async function requireNearby({ url, use }: Target): Promise<void> {
  const postgres = 'declared' in use ? use.declared.owners.postgres : undefined;
  for (const [field, address] of [
    ['url', url],
    ['owners.postgres', postgres],
  ] as const) {
    if (address === undefined) continue;
    const host = new URL(address).hostname.replace(/^\[|\]$/g, '');
    const addresses = await withLimit(lookup(host, { all: true }), LOOKUP_LIMIT_MS, 'no answer').catch(
      () => [],
    );
    if (addresses.length === 0)
      throw new FailureError({
        code: 'target.unknownHost',
        field,
        message: `${field}: the host ${host} has no address that is known here.`,
        fix: 'Correct the host, or give its IP address.',
      });
    const far = addresses.find((one) => !isNearby(one.address));
    if (far)
      throw new FailureError({
        code: 'target.notPrivate',
        field,
        message: `${field}: ${host} is ${far.address}, which is neither a loopback nor a private address.`,
        fix: 'Attack a copy of the shop on this machine or network. If the shop is yours, and its hoster allows load tests, say so: --i-own-this-target, or the tick in the form.',
      });
  }
}

/** @throws FailureError `target.tooMuch`, `target.unfit` */
export function requireModest(settings: AttackSettings): void {
  const unfit = unfitForOthers(settings);
  if (unfit)
    throw new FailureError({
      code: 'target.unfit',
      field: unfit.field,
      message: `${unfit.field} (${unfit.what}) does not go with another shop: ${unfit.why}.`,
      fix: 'Leave it out.',
    });
  const asked = {
    requests: totalRequests(settings),
    connections: settings.connections,
    ratePerSec: paceFor(settings)?.peakPerSec ?? 0,
  };
  const option = {
    requests: '--requests',
    connections: '--connections',
    ratePerSec: settings.profile === 'staged' ? '--stages' : '--rate',
  } as const;
  for (const field of ['requests', 'connections', 'ratePerSec'] as const)
    if (asked[field] > TARGET_LIMITS[field])
      throw new FailureError({
        code: 'target.tooMuch',
        field,
        message: `${option[field]}: ${whole(asked[field])} is more than an attack on another shop may have.`,
        fix: `Use at most ${whole(TARGET_LIMITS[field])}.`,
      });
}
