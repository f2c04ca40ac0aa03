/** Whether a start can succeed, from the doctor's findings: containers or the machine's own three engines, either is enough. */
import type { Finding } from '../../electron/control/contract.ts';

/** Ids of the doctor's findings. */
const CONTAINERS = 'docker';
const OWN_ENGINE = 'engine.';

export interface Readiness {
  readonly canStart: boolean;
  /** What is worth telling before the first start: the way that is not needed is left out. */
  readonly concerns: readonly Finding[];
}

export function readinessOf(findings: readonly Finding[]): Readiness {
  const own = findings.filter(({ id }) => id.startsWith(OWN_ENGINE));
  const hasOwn = own.length > 0 && own.every(({ status }) => status !== 'missing');
  const hasContainers = findings.some(({ id, status }) => id === CONTAINERS && status !== 'missing');
  const isNeeded = (finding: Finding): boolean => {
    if (finding.id === CONTAINERS) return !hasOwn;
    return !finding.id.startsWith(OWN_ENGINE) || !hasContainers;
  };
  return {
    canStart: hasOwn || hasContainers,
    concerns: findings.filter((finding) => finding.status !== 'ok' && isNeeded(finding)),
  };
}
