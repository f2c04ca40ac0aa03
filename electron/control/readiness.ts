/** Whether a start can succeed, from the doctor's findings: containers or the machine's own three engines, either is enough. */
import type { Diagnosis, Finding } from './contract.ts';

/** Ids of the doctor's findings. */
const CONTAINERS = 'docker';
const OWN_ENGINE = 'engine.';

export function diagnose(findings: Finding[]): Diagnosis {
  const own = findings.filter(({ id }) => id.startsWith(OWN_ENGINE));
  const hasOwn = own.length > 0 && own.every(({ status }) => status !== 'missing');
  // A container engine that answers with a warning starts containers all the same.
  const hasContainers = findings.some(({ id, status }) => id === CONTAINERS && status !== 'missing');
  const isNeeded = (finding: Finding): boolean => {
    if (finding.id === CONTAINERS) return !hasOwn;
    return !finding.id.startsWith(OWN_ENGINE) || !hasContainers;
  };
  return {
    findings,
    canStart: hasOwn || hasContainers,
    concerns: findings.filter((finding) => finding.status !== 'ok' && isNeeded(finding)).map(({ id }) => id),
  };
}
