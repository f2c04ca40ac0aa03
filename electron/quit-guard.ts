/**
 * Quits with a cluster that may be running. Electron awaits nothing, so each `before-quit` is held until everything is
 * stopped.
 *
 * States: open → asking → open (cancelled) | releasing → released (the next `before-quit` passes).
 */
import { withLimit } from '../services/shared/time-limit.ts';
import type { ClusterState } from '../contract/state.ts';
import type { ControlClient } from '../contract/contract.ts';
import type { Settings } from '../contract/settings.ts';
import { errorText } from '../services/shared/error-text.ts';

/** ms after which the app ends in any case; every undo has a shorter limit of its own. */
const RELEASE_LIMIT_MS = 150_000;

export type QuitAnswer = 'stop' | 'keep' | 'cancel';

export interface QuitGuardOptions {
  readonly centre: Pick<ControlClient, 'call'> & { release(): Promise<void> };
  /** Asks what to do with a running cluster; `isRemembered` makes the answer a setting. */
  ask(
    cluster: ClusterState['state'],
  ): Promise<{ readonly answer: QuitAnswer; readonly isRemembered: boolean }>;
  /** Ends what must outlive the control centre: the loopback frontend and the instance file. */
  cleanUp(): Promise<void>;
  /** Shows what could not be stopped. */
  showFailures(failures: readonly string[]): Promise<void>;
  /** Ends the app; `before-quit` passes from now on. */
  quit(exitCode: number): void;
  log(text: string): void;
}

export class QuitGuard {
  readonly #options: QuitGuardOptions;
  #state: 'open' | 'asking' | 'releasing' | 'released' = 'open';
  #attempt = 0;

  constructor(options: QuitGuardOptions) {
    this.#options = options;
  }

  get isReleased(): boolean {
    return this.#state === 'released';
  }

  /** For `before-quit` and the window's `close`. */
  hold(event: { preventDefault(): void }): void {
    if (this.#state === 'released') return;
    event.preventDefault();
    this.#begin(() => this.#decide());
  }

  /** For a signal or a shutdown: stops without a question, also while one is open. */
  stopNow(): void {
    if (this.#state === 'asking') this.#state = 'open';
    this.#begin(() => Promise.resolve('stop'));
  }

  #begin(decide: () => Promise<QuitAnswer>): void {
    if (this.#state !== 'open') return;
    this.#state = 'asking';
    const attempt = ++this.#attempt;
    decide()
      .then(async (answer) => {
        // A signal came while it asked: the answer no longer matters.
        if (attempt !== this.#attempt) return;
        if (answer === 'cancel') {
          this.#state = 'open';
          return;
        }
        // The control centre informs its frontends, saves the choice, and then calls release().
        const result = await this.#options.centre.call('app.quit', { cluster: answer });
        // A control centre that is quitting already fails here; it has called release() itself.
        if (!result.ok) this.#options.log(`quit: ${result.error.message}`);
      })
      .catch((error: unknown) => {
        if (this.#state === 'asking') this.#state = 'open';
        this.#options.log(`quit: ${errorText(error)}`);
      });
  }

  async #decide(): Promise<QuitAnswer> {
    const { centre, ask } = this.#options;
    const snapshot = await centre.call('app.getSnapshot', {});
    if (!snapshot.ok) return 'stop';
    const { cluster, settings } = snapshot.value;
    if (cluster.state === 'stopped' || cluster.state === 'failed') return 'stop';
    if (settings.onQuit !== 'ask') return settings.onQuit;
    const { answer, isRemembered } = await ask(cluster.state);
    if (isRemembered && answer !== 'cancel') await this.#remember(settings, answer);
    return answer;
  }

  async #remember(settings: Settings, onQuit: 'stop' | 'keep'): Promise<void> {
    const saved = await this.#options.centre.call('settings.saveSettings', { ...settings, onQuit });
    if (!saved.ok) this.#options.log(`quit: ${saved.error.message}`);
  }

  /** Stops everything, then ends the app. The control centre calls it, whichever frontend asked to quit. */
  async release(): Promise<void> {
    if (this.#state === 'releasing' || this.#state === 'released') return;
    this.#state = 'releasing';
    const failures: string[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await withLimit(work(), RELEASE_LIMIT_MS, `not done within ${RELEASE_LIMIT_MS / 1000} s`);
      } catch (error) {
        const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
        for (const each of errors) failures.push(errorText(each));
      }
    };
    await attempt(() => this.#options.centre.release());
    await attempt(() => this.#options.cleanUp());
    if (failures.length > 0) await attempt(() => this.#options.showFailures(failures));
    this.#state = 'released';
    this.#options.quit(failures.length > 0 ? 6 : 0);
  }
}
