/** Keeps the menu bar up to date, and runs its entries as commands of the contract. Asks first where a page asks. */
import process from 'node:process';
import { Menu, dialog, type BrowserWindow } from 'electron';
import type { Failure } from '../contract/failure.ts';
import type { ControlCentre } from '../control/control-centre.ts';
import type { AttackState } from '../contract/state.ts';
import type { CommandInput, CommandName, CommandOutput } from '../contract/contract.ts';
import type { Settings } from '../contract/settings.ts';
import { askToCallOff, askToStop, showAbout, showFailure } from './dialogs.ts';
import { menuTemplate, type MenuState } from './menu.ts';
import { APP_URL } from './origin.ts';

export interface AppMenuOptions {
  readonly centre: ControlCentre;
  readonly window: BrowserWindow;
  readonly canUseDevTools: boolean;
  readonly version: string;
  readonly dataDir: string;
  readonly settings: Settings | undefined;
}

const ENDED: ReadonlySet<AttackState['phase']> = new Set(['finished', 'failed', 'cancelled']);

export class AppMenu {
  readonly #options: AppMenuOptions;
  #settings: Settings | undefined;
  #cluster: MenuState['cluster'] = 'stopped';
  #isAttacking = false;
  #lastRunId: string | undefined;

  constructor(options: AppMenuOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Shows the menu, and updates it from now on. */
  start(): void {
    const { centre } = this.#options;
    this.#show();
    centre.on('cluster.stateChanged', ({ cluster }) => {
      if (cluster.state === this.#cluster) return;
      this.#cluster = cluster.state;
      this.#show();
    });
    centre.on('attack.stateChanged', ({ attack }) => {
      const isAttacking = !ENDED.has(attack.phase);
      if (isAttacking === this.#isAttacking) return;
      this.#isAttacking = isAttacking;
      this.#show();
    });
    centre.on('settings.settingsChanged', ({ settings }) => {
      this.#settings = settings;
      this.#show();
    });
    // An older run may have been labelled or brought back.
    for (const name of ['runs.runSaved', 'runs.runDeleted'] as const)
      centre.on(name, () => void this.#findLastRun());
    void this.#findLastRun();
  }

  async #findLastRun(): Promise<void> {
    const runs = await this.#options.centre.call('runs.listRuns', {});
    this.#lastRunId = runs.ok ? runs.value[0]?.id : undefined;
  }

  #show(): void {
    const { window, dataDir, version, canUseDevTools } = this.#options;
    if (window.isDestroyed()) return;
    const state: MenuState = {
      platform: process.platform,
      canUseDevTools,
      cluster: this.#cluster,
      isAttacking: this.#isAttacking,
      theme: this.#settings?.theme ?? 'system',
      isProjectorMode: this.#settings?.isProjectorMode ?? false,
    };
    const showPage = (page: string) => void window.loadURL(`${APP_URL}#/${page}`);
    Menu.setApplicationMenu(
      Menu.buildFromTemplate(
        menuTemplate(state, {
          startCluster: () => void this.#command('cluster.start', {}),
          stopCluster: () => void this.#stopCluster(),
          launchAttack: () => showPage('attack?new'),
          cancelAttack: () => void this.#callOff(),
          // The page asks where to save it; without a run it shows the empty list.
          exportRun: () => showPage(this.#lastRunId ? `runs/${this.#lastRunId}?export=html` : 'runs'),
          showPage,
          changeSettings: (change) => {
            if (this.#settings) void this.#command('settings.saveSettings', { ...this.#settings, ...change });
          },
          openDataFolder: () => void this.#command('app.openDataFolder', {}),
          about: () => void showAbout(dialog, window, { version, dataDir }),
        }),
      ),
    );
  }

  async #stopCluster(): Promise<void> {
    // Cancelling a start loses nothing, so it needs no question.
    const mustAsk = this.#cluster === 'running';
    if (mustAsk && !(await askToStop(dialog, this.#options.window, this.#isAttacking))) return;
    await this.#command('cluster.stop', {});
  }

  async #callOff(): Promise<void> {
    if (await askToCallOff(dialog, this.#options.window)) await this.#command('attack.cancel', {});
  }

  async #command<Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<CommandOutput<Name> | undefined> {
    const result = await this.#options.centre.call(name, input);
    if (result.ok) return result.value;
    await this.#showFailure(result.error);
    return undefined;
  }

  async #showFailure(failure: Failure): Promise<void> {
    const { window } = this.#options;
    if (!window.isDestroyed()) await showFailure(dialog, window, failure);
  }
}
