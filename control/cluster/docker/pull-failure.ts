/**
 * Why a pull failed: the name, the network, the credentials or the disk. The daemon gives no code, only a
 * text.
 */
import type { Failure } from '../../../contract/failure.ts';
import { DISK_FULL, FIX_DISK } from './errors.ts';
import type { FailureCode } from '../../../contract/failures.ts';

export type PullFault = 'name' | 'network' | 'credentials' | 'disk' | 'other';

/** Most telling first: a full disk is often followed by a broken connection. */
const SIGNS: readonly (readonly [PullFault, RegExp])[] = [
  ['disk', DISK_FULL],
  [
    'name',
    /pull access denied|manifest unknown|manifest for .* not found|not found: manifest|repository name not known|name unknown|invalid reference format|no matching manifest|repository .* not found|requested image not found/i,
  ],
  [
    'credentials',
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|requested access to the resource is denied|denied:|403 forbidden/i,
  ],
  [
    'network',
    /dial tcp|i\/o timeout|no such host|connection (?:reset|refused)|connection closed|TLS handshake|x509|EOF|network is unreachable|context deadline exceeded|Client\.Timeout|server gave HTTP response|unexpected HTTP status|received unexpected|toomanyrequests|too many requests|temporary failure|server misbehaving|stalled|ECONNRESET|socket hang up|filesystem layer verification failed|502 bad gateway|503 service|504 gateway/i,
  ],
];

/** Sorts a daemon's message. */
export function pullFaultOf(text: string): PullFault {
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? 'other';
}

/** The failure of one image's pull. */
export function pullFailure(image: string, text: string, step: string): Failure {
  const failure = (code: FailureCode, message: string, fix: string): Failure => ({
    code,
    message,
    fix,
    step,
  });
  switch (pullFaultOf(text)) {
    case 'name':
      return failure(
        'docker.pullName',
        `There is no image ${image}, or it needs a login: ${text}`,
        'Check the image and the registry in the settings; for a private image, run "docker login" first.',
      );
    case 'credentials':
      return failure(
        'docker.pullCredentials',
        `The registry refused to hand out ${image}: ${text}`,
        'Run "docker login" for that registry with a user that may read the image, then start again.',
      );
    case 'disk':
      return failure('docker.pullDisk', `The disk is full: ${image} could not be stored: ${text}`, FIX_DISK);
    case 'network':
      return failure(
        'docker.pullNetwork',
        `The registry of ${image} could not be reached, or broke off: ${text}`,
        'Check the network, a proxy, and the registry in the settings, then start again: layers that are complete are not fetched twice.',
      );
    case 'other':
      return failure(
        'docker.pullFailed',
        `The image ${image} could not be fetched: ${text}`,
        `Try "docker pull ${image}" in a terminal: it says more.`,
      );
  }
}
