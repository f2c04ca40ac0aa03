/**
 * Guards the settings that a page may not change alone: which images run on this machine, and where passwords
 * are sent. A script in the page could change them, so a person confirms such a change in a system dialog or
 * in a terminal.
 */
import { randomBytes } from 'node:crypto';
import { FailureError } from '../../contract/failure.ts';
import type { Settings } from '../../contract/settings.ts';
import { commandLine } from '../lib/command-line.ts';
import { maskSettings } from './settings-masks.ts';

/** ms that a change waits for its confirmation. */
const PENDING_LIMIT_MS = 10 * 60_000;

export interface PendingChange {
  readonly id: string;
  /** One line for each setting: its present value and the wanted one. */
  readonly lines: readonly string[];
}

export interface SettingsGuardOptions {
  /** Asks in a system dialog, where there is one. Otherwise the change waits for a terminal. */
  confirm?: ((lines: readonly string[]) => Promise<boolean>) | undefined;
  /** Called when a change waits for its confirmation. */
  onPending?: ((lines: readonly string[]) => void) | undefined;
}

/** The changes that need a confirmation, as lines for a person. */
export function guardedChanges(from: Settings, to: Settings): string[] {
  const [hiddenFrom, hiddenTo] = [maskSettings(from), maskSettings(to)];
  const areas = [
    ['images', from.images, to.images, hiddenFrom.images, hiddenTo.images],
    ['external', from.external, to.external, hiddenFrom.external, hiddenTo.external],
  ] as const;
  return areas.flatMap(([area, before, after, hiddenBefore, hiddenAfter]) =>
    Object.keys(after).flatMap((name) => {
      if (valueOf(before, name) === valueOf(after, name)) return [];
      const [was, shall] = [valueOf(hiddenBefore, name), valueOf(hiddenAfter, name)].map(shown);
      return [`${area}.${name}: ${was} → ${shall}${was === shall ? ', with another password' : ''}`];
    }),
  );
}

function valueOf(area: Readonly<Record<string, string>>, name: string): string {
  return area[name] ?? '';
}

/** Control characters would let a value redraw the terminal that shows it. */
function shown(value: string): string {
  return value === '' ? '(empty)' : value.replace(/[^\x20-\x7e]/g, '?');
}

export class SettingsGuard {
  readonly #options: SettingsGuardOptions;
  #pending: (PendingChange & { readonly settings: Settings; readonly untilMs: number }) | undefined;

  constructor(options: SettingsGuardOptions) {
    this.#options = options;
  }

  /**
   * Lets a page's change pass once it is confirmed.
   * @throws FailureError `settings.notConfirmed`, or `settings.needsConfirmation` while it waits for a
   *   terminal
   */
  async admit(from: Settings, to: Settings): Promise<void> {
    const lines = guardedChanges(from, to);
    if (lines.length === 0) return;
    const { confirm, onPending } = this.#options;
    if (confirm) {
      if (await confirm(lines)) return;
      throw new FailureError({
        code: 'settings.notConfirmed',
        message: 'The change was not confirmed: nothing is saved.',
        fix: 'Save again, and confirm it in the dialog.',
      });
    }
    this.#pending = {
      id: randomBytes(8).toString('hex'),
      lines,
      settings: to,
      untilMs: Date.now() + PENDING_LIMIT_MS,
    };
    onPending?.(lines);
    throw new FailureError({
      code: 'settings.needsConfirmation',
      message: `Not saved yet: ${lines.join('; ')}. A page may not change images and external URLs alone.`,
      fix: `Run \`${commandLine('confirm')}\` in a terminal within 10 minutes: it shows the change and saves it.`,
    });
  }

  /**
   * The change that waits.
   * @throws FailureError when none does
   */
  pending(id?: string): PendingChange & { readonly settings: Settings } {
    const pending = this.#pending;
    if (pending && Date.now() < pending.untilMs && (id === undefined || id === pending.id)) return pending;
    throw new FailureError({
      code: 'settings.nothingToConfirm',
      message: id === undefined ? 'No change waits for a confirmation.' : 'That change waits no longer.',
      fix: 'Save the settings in the page first.',
    });
  }

  clear(): void {
    this.#pending = undefined;
  }
}
