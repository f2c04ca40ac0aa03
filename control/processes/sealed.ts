/**
 * Chromium opens files, pipes and sockets without close-on-exec and closes them in its own helpers only. Whatever Electron's main process starts
 * would inherit them: a backend that outlives the app would hold its ports, its cache and its pipes. Node by itself has no such descriptors.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';

/** Not `sh`: Debian's closes no descriptor above 9. */
const BASH = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));
/** Its first argument is the last descriptor to keep; the rest is the command, which takes over the process. */
const CLOSE_REST =
  'k=$1; shift; for f in /proc/self/fd/*; do n=${f##*/}; [ "$n" -gt "$k" ] && eval "exec $n>&-"; done; exec "$@"';

/**
 * The command to start in place of this one, so that it inherits no descriptor but the first ones. Under plain Node, on other systems than Linux
 * (where libuv closes them), and where there is no bash, the command itself.
 * @param lastKept 2 for the standard streams alone; 3 with the channel of a forked Node
 */
export function sealed(
  command: string,
  args: readonly string[],
  lastKept = 2,
): { readonly command: string; readonly args: string[] } {
  if (process.platform !== 'linux' || process.versions['electron'] === undefined || BASH === undefined)
    return { command, args: [...args] };
  return { command: BASH, args: ['-p', '-c', CLOSE_REST, 'bash', String(lastKept), command, ...args] };
}
