import { describe, expect, it } from 'vitest';
import { faultOrderSchema } from '../../contract/fault-syntax.ts';
import { FAULTS, FAULT_KINDS, faultKind } from '../../contract/faults.ts';
import { LINKS } from '../../contract/links.ts';
import { BREAKABLE_LINKS, allPlaces, linkPlace, partPlace, roleOf, servicesPlace } from './fault-places.ts';

const services = { gateway: ['gateway-1'], worker: ['worker-1', 'worker-2'] };
const targetsOf = (place: ReturnType<typeof partPlace>) =>
  place.choices.flatMap(({ kind, targets }) => targets.map((target) => ({ kind, target })));

describe('what can be broken', () => {
  it('offers at some place everything that the table has', () => {
    const offered = allPlaces(services).flatMap(targetsOf);
    for (const kind of FAULT_KINDS)
      for (const target of faultKind(kind).targets) {
        const role = roleOf(target);
        // One or all of the role stands for `worker` and, of a role with one service, for `gateways`.
        const isThere = offered.some(
          (one) =>
            one.kind === kind &&
            (one.target === target || (role in services && one.target.startsWith(`${role}-`))),
        );
        expect(isThere, `${kind}:${target}`).toBe(true);
      }
  });

  it('offers members where there are any: leaders for the whole cluster, and each by its name', () => {
    const names = (hasMembers: boolean) => allPlaces({ ...services, hasMembers }).map(({ name }) => name);
    expect(names(true)).toContain("RabbitMQ's leader");
    expect(names(false)).not.toContain("RabbitMQ's leader");
    const kinds = partPlace('redis-2').choices.map(({ kind }) => kind);
    expect(kinds).toEqual(['kill', 'pause', 'restart', 'partition']);
  });

  it('offers nothing that the control centre would not take', () => {
    for (const order of allPlaces({ ...services, hasMembers: true }).flatMap(targetsOf))
      expect(faultOrderSchema.safeParse(order).success, JSON.stringify(order)).toBe(true);
  });

  it('offers one service, or all of the role where there are several', () => {
    const kill = (place: ReturnType<typeof partPlace>) =>
      place.choices.find(({ kind }) => kind === 'kill')?.targets;
    expect(kill(partPlace('worker-2'))).toEqual(['worker-2']);
    expect(kill(servicesPlace('worker', services))).toEqual(['worker-1', 'worker-2', 'workers']);
    expect(kill(servicesPlace('gateway', services))).toEqual(['gateway-1']);
    expect(kill(servicesPlace('gateway', { gateway: [], worker: [] }))).toEqual(['gateway']);
    expect(kill(partPlace('redis'))).toEqual(['redis']);
    expect(partPlace('redis').name).toBe('Redis');
  });

  it('has a menu for a link as soon as the table has a fault for it', () => {
    const links = Object.keys(LINKS) as (keyof typeof LINKS)[];
    const named = new Set<string>(Object.values(FAULTS).flatMap(({ targets }): readonly string[] => targets));
    expect(BREAKABLE_LINKS).toEqual(links.filter((link) => named.has(link)));
    for (const link of BREAKABLE_LINKS) expect(linkPlace(link).choices.length).toBeGreaterThan(0);
  });
});
