/** Shown by a page that was opened while the control centre is offline, instead of an endless wait. */
import type { Failure } from '../../contract/failure.ts';

export const OFFLINE: Failure = {
  code: 'client.offline',
  message: 'Offline: there is nothing to show yet.',
  fix: 'The control centre does not answer. This page loads by itself as soon as it does.',
};
