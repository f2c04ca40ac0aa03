/** Whether a start can succeed, from the doctor's findings and the provider that the settings ask for. */
import type { Diagnosis, Finding } from '../../contract/state.ts';
import type { ProviderChoice } from '../../contract/settings.ts';

/** Ids of the doctor's findings, by the way to backends that they belong to. */
const WAYS = {
  docker: (id: string) => id === 'docker',
  native: (id: string) => id.startsWith('backend.'),
  external: (id: string) => id.startsWith('external.'),
} as const;
type Way = keyof typeof WAYS;

/**
 * Weighs the findings.
 * @param choice `auto`: containers or the machine's own three backends, either is enough
 */
export function diagnose(findings: Finding[], choice: ProviderChoice = 'auto'): Diagnosis {
  const ways: readonly Way[] = choice === 'auto' ? ['docker', 'native'] : [choice];
  // A warning stands in nobody's way: a container runtime that answers with one starts containers all the
  // same.
  const isOpen = (way: Way): boolean => {
    const own = findings.filter(({ id }) => WAYS[way](id));
    return own.length > 0 && own.every(({ status }) => status !== 'missing');
  };
  const open = ways.filter(isOpen);
  const isNeeded = ({ id, status }: Finding): boolean => {
    const way = (Object.keys(WAYS) as Way[]).find((one) => WAYS[one](id));
    if (way === undefined) return true;
    if (!ways.includes(way)) return false;
    // A way that is open is worth its warnings; a closed one only matters while none is open.
    return open.length === 0 || (open.includes(way) && status !== 'missing');
  };
  const concerns = findings.filter((finding) => finding.status !== 'ok' && isNeeded(finding));
  return {
    findings,
    canStart: open.length > 0 && concerns.every(({ status }) => status !== 'missing'),
    concerns: concerns.map(({ id }) => id),
  };
}
