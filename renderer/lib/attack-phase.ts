import type { AttackState } from '../../contract/state.ts';

/** Whether an attack is running, from its preparation to the audit. */
export function isAttackActive(attack: AttackState | undefined): boolean {
  return attack !== undefined && !['finished', 'failed', 'cancelled'].includes(attack.phase);
}
