/** Node, packages and build: brought up to date when their inputs changed, left alone otherwise. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { root, runQuietly, say } from './tools.mjs';

const MIN_NODE = [20, 19];

/** @throws Error when Node is too old */
export function ensureNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  throw new Error(
    `FlashGrid needs Node ${MIN_NODE.join('.')} or newer; this is ${process.versions.node}. Install a newer one, then run the same command again.`,
  );
}

/** Installs the packages of package-lock.json unless the installed ones come from that very file. */
export async function ensurePackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules/.flashgrid-stamp');
  if (readIfThere(stamp) === wanted) return;
  const startedMs = Date.now();
  say('• Installing packages (once) …');
  // The first start of the window fetches Electron's program: the terminal and most tests don't need it.
  await runQuietly('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    env: { ELECTRON_SKIP_BINARY_DOWNLOAD: '1' },
  });
  writeFileSync(stamp, wanted);
  say(`  done in ${seconds(startedMs)}`);
}

const CLIENT_SOURCES = ['prisma/schema.prisma', 'package-lock.json'];
const SOURCES = [
  ...CLIENT_SOURCES,
  'contract',
  'control',
  'electron',
  'cli',
  'web',
  'services',
  'renderer',
  'electron.vite.config.ts',
  'tsconfig.json',
];

/** Generates the Prisma client, without which neither types nor unit tests are whole. */
export async function ensureClient() {
  await ensureMade('Generating the Prisma client', CLIENT_SOURCES, 'prisma/generated', () =>
    // Generating needs no engine of Prisma's; any program stands in for the one that Prisma would download.
    runQuietly(process.execPath, ['node_modules/prisma/build/index.js', 'generate'], {
      env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
    }),
  );
}

/** Builds out/. */
export async function ensureBuild() {
  await ensureClient();
  await ensureMade('Building', SOURCES, 'out', () =>
    runQuietly(process.execPath, ['node_modules/electron-vite/bin/electron-vite.js', 'build']),
  );
}

/** Makes a folder unless it was made from these very sources. */
async function ensureMade(title, sources, folder, make) {
  const wanted = fingerprint(sources);
  const stamp = join(root, folder, '.flashgrid-stamp');
  if (readIfThere(stamp) === wanted) return;
  const startedMs = Date.now();
  say(`• ${title} …`);
  await make();
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(stamp, wanted);
  say(`  done in ${seconds(startedMs)}`);
}

/** Path, size and time of every source file: cheap, and changes whenever one is saved. */
function fingerprint(paths) {
  const hash = createHash('sha256');
  const walk = (path) => {
    const full = join(root, path);
    if (!existsSync(full)) return;
    const stat = statSync(full);
    if (stat.isDirectory()) for (const entry of readdirSync(full).sort()) walk(join(path, entry));
    else if (!path.includes('.test.')) hash.update(`${path}\0${stat.size}\0${stat.mtimeMs}\n`);
  };
  for (const path of paths) walk(path);
  return hash.digest('hex');
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function seconds(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}
