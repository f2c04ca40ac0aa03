/** Whether the window can be opened here, and if not, why: in words that a person can do something with. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why no window can be opened on this machine; `undefined` when one can, as far as can be told before trying. */
export function whyNoWindow({ platform, env, uid, args }) {
  if (args.includes('--browser')) return 'As asked for, no window is opened.';
  if (platform !== 'linux') return undefined;
  if (!env.DISPLAY && !env.WAYLAND_DISPLAY)
    return 'There is no display here (DISPLAY and WAYLAND_DISPLAY are empty).';
  // Chromium runs as root only without its sandbox, and that is not given up for a window.
  if (uid === 0) return "Electron's sandbox can't run as root.";
  return undefined;
}

/**
 * Path of Electron's program; `undefined` when it has not been fetched. The package keeps its name in path.txt, written after a complete download.
 */
export function findElectron(packageDir, env) {
  let name;
  try {
    name = readFileSync(join(packageDir, 'path.txt'), 'utf8');
  } catch {
    // Not fetched by the package; a distribution of one's own may still be named.
  }
  const dist = env.ELECTRON_OVERRIDE_DIST_PATH;
  if (!dist && !name) return undefined;
  const path = dist ? join(dist, name || 'electron') : join(packageDir, 'dist', name);
  return existsSync(path) ? path : undefined;
}

/**
 * The arguments without those that are start's own; a data folder goes to the window by the environment, as Electron's program has options of its own.
 */
export function readStartArgs(args) {
  const serveArgs = args.filter((arg) => arg !== '--browser' && arg !== '--yes');
  const at = serveArgs.findIndex((arg) => arg === '--data-dir' || arg.startsWith('--data-dir='));
  const given = serveArgs[at];
  if (given === undefined) return { serveArgs, dataDir: undefined };
  return {
    serveArgs,
    dataDir: given === '--data-dir' ? serveArgs[at + 1] : given.slice('--data-dir='.length),
  };
}

/**
 * Whether Electron ended because it could not start at all (no sandbox, no libraries, no display after all), rather than by the app's own will.
 */
export function couldNotStart({ code, signal, livedMs }) {
  if (livedMs > 10_000 || signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP') return false;
  // The app itself ends with 0, 6 or 130; Chromium's fatal checks end with a signal or another code, a missing library with 127.
  return signal !== null || ![0, 6, 130].includes(code ?? 1);
}
