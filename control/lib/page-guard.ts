/**
 * Guards what a page may not do alone: change which images run on this machine or where passwords are sent, and attack a shop that
 * is not FlashGrid's own. A script in the page could ask for it, so a person confirms it in a system dialog or in a terminal.
 */
import { randomBytes } from 'node:crypto';
import { FailureError } from '../../contract/failure.ts';
import { commandLine } from './command-line.ts';

/** ms that a request waits for its confirmation. */
const PENDING_LIMIT_MS = 10 * 60_000;

/** What a page asks for, as a person is shown it. */
export interface PageAsk {
  /** `change` the settings, or `attack` another shop. */
  readonly what: 'change' | 'attack';
  readonly lines: readonly string[];
  /** The same key is let through later without asking again. */
  readonly key?: string;
}

interface Pending extends PageAsk {
  readonly id: string;
  readonly untilMs: number;
  /** Does what was asked for. */
  readonly act: () => Promise<unknown>;
}

export interface PageGuardOptions {
  /** Asks in a system dialog, where there is one. Otherwise it waits for a terminal. */
  confirm?: ((ask: PageAsk) => Promise<boolean>) | undefined;
  /** Called when something waits for its confirmation. */
  onPending?: ((ask: PageAsk) => void) | undefined;
}

/** A text on one line: control characters would let it redraw the terminal that shows it. */
export const shownToPerson = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

export class PageGuard {
  readonly #options: PageGuardOptions;
  readonly #allowed = new Set<string>();
  #pending: Pending | undefined;

  constructor(options: PageGuardOptions) {
    this.#options = options;
  }

  /**
   * Does what a page asks for, once a person confirmed it.
   * @throws FailureError `page.notConfirmed`, or `page.needsConfirmation` while it waits for a terminal, which then does it
   */
  async admit<Value>(ask: PageAsk, act: () => Promise<Value>): Promise<Value> {
    const { what, lines, key } = ask;
    if (lines.length === 0 || (key !== undefined && this.#allowed.has(key))) return await act();
    const { confirm, onPending } = this.#options;
    const allowed = async () => {
      if (key !== undefined) this.#allowed.add(key);
      return await act();
    };
    if (confirm) {
      if (await confirm(ask)) return await allowed();
      throw new FailureError({
        code: 'page.notConfirmed',
        message: WORDS[what].refused,
        fix: 'Ask for it again, and confirm it in the dialog.',
      });
    }
    this.#pending = {
      ...ask,
      id: randomBytes(8).toString('hex'),
      untilMs: Date.now() + PENDING_LIMIT_MS,
      act: allowed,
    };
    onPending?.(ask);
    throw new FailureError({
      code: 'page.needsConfirmation',
      message: `${WORDS[what].waits}: ${lines.join('; ')}. ${WORDS[what].why}`,
      fix: `Run \`${commandLine('confirm')}\` in a terminal within 10 minutes: ${WORDS[what].does}.`,
    });
  }

  /**
   * What waits for a confirmation.
   * @throws FailureError when nothing does
   */
  pending(id?: string): Pending {
    const pending = this.#pending;
    if (pending && Date.now() < pending.untilMs && (id === undefined || id === pending.id)) return pending;
    throw new FailureError({
      code: 'page.nothingToConfirm',
      message: id === undefined ? 'Nothing waits for a confirmation.' : 'That waits no longer.',
      fix: 'Ask for it in the page first.',
    });
  }

  /** What waits was done, or something newer of its kind was. */
  forget(what: PageAsk['what']): void {
    if (this.#pending?.what === what) this.#pending = undefined;
  }
}

const WORDS = {
  change: {
    refused: 'The change was not confirmed: nothing is saved.',
    waits: 'Not saved yet',
    why: 'A page may not change images and external URLs alone.',
    does: 'it shows the change and saves it',
  },
  attack: {
    refused: 'The attack was not confirmed: nothing is sent.',
    waits: 'Not launched yet',
    why: 'A page may not attack another shop alone.',
    does: 'it shows the shop and launches the attack',
  },
} as const;
