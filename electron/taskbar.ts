/** Progress on the dock or taskbar: how far a start or an attack is, without the window being seen. */
import type { AttackState, ClusterState } from '../contract/contract.ts';

/** What Electron's setProgressBar takes: -1 hides the bar, above 1 is "busy, no telling how long". */
export const NO_PROGRESS = -1;
export const BUSY = 2;

/** The bar's value; an attack goes before a start. */
export function progressOf(cluster: ClusterState | undefined, attack: AttackState | undefined): number {
  switch (attack?.phase) {
    case 'attacking':
      return attack.progress;
    case 'preparing':
    case 'draining':
    case 'auditing':
      return BUSY;
    default:
      return cluster?.state === 'starting' || cluster?.state === 'stopping' ? BUSY : NO_PROGRESS;
  }
}

/** Shows the progress of what it is told, and calls `show` only when a person would see the difference. */
export class Taskbar {
  readonly #show: (progress: number) => void;
  #cluster: ClusterState | undefined;
  #attack: AttackState | undefined;
  #shown = NO_PROGRESS;

  constructor(show: (progress: number) => void) {
    this.#show = show;
  }

  handleCluster(cluster: ClusterState): void {
    this.#cluster = cluster;
    this.#update();
  }

  handleAttack(attack: AttackState): void {
    this.#attack = attack;
    this.#update();
  }

  #update(): void {
    const exact = progressOf(this.#cluster, this.#attack);
    const progress = Math.round(exact * 100) / 100;
    if (progress === this.#shown) return;
    this.#shown = progress;
    this.#show(progress);
  }
}
