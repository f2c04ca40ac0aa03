/** Types of electron.mjs, which runs without TypeScript too. */

/** Whether the tests of a real Electron can run on this machine. */
export const canTestElectron: boolean;

/** The distribution's folder and program; `undefined` when there is none yet. */
export function findTestElectron():
  { readonly dir: string; readonly program: string; readonly isPinned: boolean } | undefined;

/**
 * Makes sure that there is one, with Chromium's sandbox able to work.
 * @throws Error when it can't be fetched, or is not what it was
 */
export function ensureTestElectron(): Promise<void>;

/** Lets Chromium's sandbox work in a distribution, as far as the rights go. */
export function allowSandbox(dir: string): Promise<void>;
