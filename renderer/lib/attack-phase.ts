import type { CampaignState } from '../../contract/campaign.ts';
import type { LabState } from '../../contract/lab.ts';
import type { MatrixState } from '../../contract/matrix.ts';
import type { AttackState } from '../../contract/state.ts';

/** Whether an attack is running, from its preparation to the audit. */
export function isAttackActive(attack: AttackState | undefined): boolean {
  return attack !== undefined && !['finished', 'failed', 'cancelled'].includes(attack.phase);
}

/** Whether a crash matrix is running, also between two of its attacks. */
export function isMatrixActive(matrix: MatrixState | undefined): boolean {
  return matrix !== undefined && matrix.phase !== 'idle';
}

/** Whether a lab is running, also between two of its attacks. */
export function isLabActive(lab: LabState | undefined): boolean {
  return lab !== undefined && lab.phase !== 'idle';
}

/** Whether several attacks are being made, also between two of them. */
export function isCampaignActive(campaign: CampaignState | undefined): boolean {
  return campaign !== undefined && campaign.phase !== 'idle';
}
