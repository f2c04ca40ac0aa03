/** The progress of a start or an attack on the dock or taskbar. */
import type { AttackState, ClusterState } from '../contract/state.ts';

/** Values of Electron's setProgressBar: -1 hides the bar, above 1 is indeterminate. */
export const NO_PROGRESS = -1;
export const BUSY = 2;

/** The bar's value; an attack has precedence over a start. */
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

/** Calls `show` when the progress has changed by a visible amount. */
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
