/**
 * The oldest Node.js that FlashGrid runs on. Imports nothing: it is read by a Node.js that may be too old for
 * the rest.
 */

/** Major and minor version; `engines` of package.json says the same. */
const MIN_NODE: readonly [number, number] = [20, 19];

/** As people write it. */
export const MIN_NODE_TEXT = `${MIN_NODE.join('.')} or newer`;

/** Whether a version such as `20.19.1` is new enough. */
export function isNodeNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
}
