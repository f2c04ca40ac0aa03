/** Types of chromium.mjs, which runs without TypeScript too. */
import type { Browser } from 'playwright-core';

export const CHROMIUM_ARGS: string[];

/**
 * Path of the machine's Chromium; FLASHGRID_CHROMIUM names one that lies elsewhere.
 * @throws Error when there is none
 */
export function findChromium(): string;

/**
 * Starts it.
 * @throws Error when there is none
 */
export function launchChromium(): Promise<Browser>;
