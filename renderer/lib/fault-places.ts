/** What can be broken at each place of the cluster, derived from the table of faults. */
import { BACKEND_TITLES, backendRoleSchema } from '../../contract/backends.ts';
import {
  FAULT_KINDS,
  LEADER_TARGETS,
  faultKind,
  isTarget,
  targetTitle,
  type FaultKind,
} from '../../contract/faults.ts';
import { LINKS, LINK_NAMES, type LinkName } from '../../contract/links.ts';
import type { ServiceRole } from '../../contract/state.ts';

export interface FaultChoice {
  readonly kind: FaultKind;
  /** What it may hit at this place; at least one. */
  readonly targets: readonly string[];
}

/** A part, several of the same role, or a link. */
export interface FaultPlace {
  readonly name: string;
  readonly choices: readonly FaultChoice[];
}

/** `worker` of `worker-2`, `workers` and `worker.after-lua`; what is no service is its own role. */
export const roleOf = (target: string): string => target.replace(/^(gateway|worker)(?:s|-\d+|\..*)$/, '$1');

/** Ids of the services that run, and whether backends have members. */
export type RunningServices = Readonly<Record<ServiceRole, readonly string[]>> & {
  readonly hasMembers?: boolean;
};

/** The faults that can hit one of these parts or links, or all of them. */
function placeOf(name: string, ids: readonly string[]): FaultPlace {
  const roles = [...new Set(ids.map(roleOf))];
  const choices = FAULT_KINDS.map((kind): FaultChoice => {
    const { targets } = faultKind(kind);
    const own = ids.filter((id) => isTarget(kind, id));
    const all = ids.length > 1 ? targets.filter((target) => roles.some((role) => target === `${role}s`)) : [];
    const steps = targets.filter((target) => roles.some((role) => target.startsWith(`${role}.`)));
    return { kind, targets: [...own, ...all, ...steps] };
  });
  return { name, choices: choices.filter(({ targets }) => targets.length > 0) };
}

export const partPlace = (id: string): FaultPlace => placeOf(targetTitle(id), [id]);
export const linkPlace = (link: LinkName): FaultPlace => placeOf(LINKS[link].title, [link]);

/** All services of a role; without any, what would be the first one. */
export const servicesPlace = (role: ServiceRole, { [role]: ids }: RunningServices): FaultPlace =>
  placeOf(role === 'gateway' ? 'Gateway' : 'Worker', ids.length > 0 ? ids : [role]);

/** Links that the table has a fault for. */
export const BREAKABLE_LINKS: readonly LinkName[] = LINK_NAMES.filter(
  (link) => linkPlace(link).choices.length > 0,
);

/** Every place that has a fault: parts, links, and whatever else the table names, such as the machine. */
export function allPlaces(services: RunningServices): readonly FaultPlace[] {
  const places = [
    servicesPlace('gateway', services),
    servicesPlace('worker', services),
    ...backendRoleSchema.options.map((role) => placeOf(BACKEND_TITLES[role], [role])),
    ...(services.hasMembers ? LEADER_TARGETS.map(partPlace) : []),
    ...BREAKABLE_LINKS.map(linkPlace),
  ];
  const known = new Set([
    ...places.flatMap(({ choices }) => choices.flatMap(({ targets }) => targets)),
    ...['gateway', 'gateways', 'worker', 'workers'],
  ]);
  const others = new Set(
    FAULT_KINDS.flatMap((kind) => faultKind(kind).targets.filter((target) => !known.has(target))),
  );
  return [...places, ...[...others].map(partPlace)].filter(({ choices }) => choices.length > 0);
}
