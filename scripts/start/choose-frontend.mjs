/** Whether the window can be opened on this machine, and if not, why. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why no window can be opened on this machine; `undefined` if nothing speaks against it. */
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
 * Path of Electron's program; `undefined` if it was not fetched. The package writes path.txt after a complete download.
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
 * The arguments without those of `npm start` itself. The window gets its data folder through the environment, since
 * Electron's program has options of its own.
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
 * Whether Electron could not start at all (no sandbox, libraries or display), rather than being ended by the app.
 */
export function couldNotStart({ code, signal, livedMs }) {
  if (livedMs > 10_000 || signal === 'SIGINT' || signal === 'SIGTERM' || signal === 'SIGHUP') return false;
  // The app exits with 0, 6 or 130; Chromium's fatal checks end with a signal or another code, a missing library with 127.
  return signal !== null || ![0, 6, 130].includes(code ?? 1);
}
