/**
 * Chromium opens files, pipes and sockets without close-on-exec. Every child of Electron's main process would
 * inherit them: a backend that outlives the app would keep the app's ports, cache and pipes open. Plain Node
 * has no such descriptors.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';

/** Not `sh`: Debian's closes no descriptor above 9. */
const BASH = ['/bin/bash', '/usr/bin/bash'].find((path) => existsSync(path));
/** Its first argument is the last descriptor to keep; the rest is the command that it execs. */
const CLOSE_REST =
  'k=$1; shift; for f in /proc/self/fd/*; do n=${f##*/}; [ "$n" -gt "$k" ] && eval "exec $n>&-"; done; exec "$@"';

/**
 * Wraps a command so that it inherits only the first descriptors. Returns the command itself under plain
 * Node, on systems other than Linux (where libuv closes them), and where there is no bash.
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
