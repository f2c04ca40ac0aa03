/**
 * Set-up of test files that may not run beside each other, whatever else runs: Docker's, of which one restarts the
 * daemon that all use, those with a browser, which takes a core, and those with a window, of which one has the
 * keyboard. Each waits here for its turn; its process holds it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../contract/failure.ts';
import { acquireLock } from '../../control/cluster/data-dir-lock.ts';

const FOLDER = join(import.meta.dirname, '../../node_modules/.cache/flashgrid-one-at-a-time');
/** More than any of these files takes, on a machine that has other things to do. */
const TURN_LIMIT_MS = 15 * 60_000;

const deadlineMs = Date.now() + TURN_LIMIT_MS;
for (let hasTurn = false; !hasTurn;)
  try {
    acquireLock(FOLDER);
    hasTurn = true;
  } catch (error) {
    if (!(error instanceof FailureError) || Date.now() > deadlineMs) throw error;
    await sleep(100);
  }
