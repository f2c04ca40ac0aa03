/** Set-up of every test: what is waited for comes in its own time. Vitest itself gives up after a second, which a busy machine takes. */
import { vi } from 'vitest';

const TIMEOUT_MS = 10_000;
const { waitFor, waitUntil } = vi;

vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));

function patient<Options extends { timeout?: number }>(options: number | Options | undefined) {
  return typeof options === 'number' ? options : { timeout: TIMEOUT_MS, ...options };
}
