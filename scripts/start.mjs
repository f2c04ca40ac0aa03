#!/usr/bin/env node
/** `npm start`: opens the window if there are Electron and a display; else serves the browser, and says why. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { root, runQuietly, say } from './setup/tools.mjs';
import { couldNotStart, findElectron, readStartArgs, whyNoWindow } from './start/choose-frontend.mjs';

/** ms that fetching Electron may take: about 120 MB. */
const FETCH_LIMIT_MS = Number(process.env.FLASHGRID_ELECTRON_FETCH_LIMIT_MS ?? 5 * 60_000);

// A reader that ended (`| head`) or a closed terminal: the command that runs below notices too, and stops in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const args = process.argv.slice(2);
const { serveArgs, dataDir } = readStartArgs(args);
const packageDir = join(root, 'node_modules/electron');

/** Runs a program to its end; forwards signals. */
function run(program, programArgs, env) {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const child = spawn(program, programArgs, { cwd: root, stdio: 'inherit', env });
    const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
      // A terminal sends Ctrl-C to the child too; forwarded, it would count as a second one.
      const forward = () => {
        if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
      };
      process.on(signal, forward);
      return () => process.off(signal, forward);
    });
    const end = (code, signal) => {
      for (const undo of handlers) undo();
      resolve({ code, signal, livedMs: performance.now() - startedMs });
    };
    child.on('error', () => end(127, null));
    child.on('exit', end);
  });
}

function exitCodeOf({ code, signal }) {
  return code ?? (signal === 'SIGINT' ? 130 : 143);
}

async function serve(reason) {
  say(`${reason} FlashGrid is served to your browser instead.`);
  return exitCodeOf(await run(process.execPath, ['out/main/cli.js', 'serve', ...serveArgs], process.env));
}

/** Electron's program; fetches it if it is missing. @throws Error with the reason */
async function ensureElectron() {
  const present = findElectron(packageDir, process.env);
  if (present) return present;
  if (process.env.ELECTRON_SKIP_BINARY_DOWNLOAD)
    throw new Error("Electron's program is missing, and ELECTRON_SKIP_BINARY_DOWNLOAD is set.");
  say('• Fetching Electron (once) …');
  try {
    await runQuietly(process.execPath, [join(packageDir, 'install.js')], { limitMs: FETCH_LIMIT_MS });
  } catch (error) {
    const cause = error.message.split('\n').find((line) => /error:|E[A-Z]{4,}|status/i.test(line));
    throw new Error(`Electron's program could not be fetched (${(cause ?? 'no answer in time').trim()}).`, {
      cause: error,
    });
  }
  const fetched = findElectron(packageDir, process.env);
  if (!fetched) throw new Error("Electron's program could not be fetched.");
  return fetched;
}

async function main() {
  const reason = whyNoWindow({
    platform: process.platform,
    env: process.env,
    uid: process.getuid?.(),
    args,
  });
  if (reason) return await serve(reason);
  let electron;
  try {
    electron = await ensureElectron();
  } catch (error) {
    return await serve(error.message);
  }
  const env = { ...process.env };
  // With it, Electron would run as plain Node.
  delete env.ELECTRON_RUN_AS_NODE;
  const end = await run(electron, [root], dataDir === undefined ? env : { ...env, FLASHGRID_HOME: dataDir });
  if (couldNotStart(end))
    return await serve(`Electron could not start (${end.signal ?? `code ${end.code}`}).`);
  return exitCodeOf(end);
}

process.exitCode = await main();
