/** What a page tells that was opened while nobody answers, instead of waiting without an end. */
import type { Failure } from '../../contract/failure.ts';

export const OFFLINE: Failure = {
  code: 'client.offline',
  message: 'Nothing known yet: offline.',
  fix: 'The control centre does not answer. This page fills itself as soon as it does.',
};
