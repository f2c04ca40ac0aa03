import type { AttackState } from '../../contract/contract.ts';

/** Whether an attack is under way: it can be watched and called off. */
export function isAttackActive(attack: AttackState | undefined): boolean {
  return (
    attack !== undefined &&
    (attack.phase === 'preparing' ||
      attack.phase === 'attacking' ||
      attack.phase === 'draining' ||
      attack.phase === 'auditing')
  );
}
