/**
 * Packages the app as `npm run dist` does, around the Electron of the tests and far away from the repository, looks at what comes out, and
 * plays the story's short form in it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allowSandbox, findTestElectron } from '../scripts/setup/electron.mjs';
import { ElectronApp, processesOf, temporaryHome, userOfTests } from './electron/support/electron-app.ts';
import { FUSES } from './support/fuses.ts';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '..');
const PACK_LIMIT_MS = 180_000;
/** A cluster's start, an attack and its end, on a machine that has other things to do. */
const RUN_LIMIT_MS = 150_000;
/** How Electron's program marks its fuses: this text, a version, their number, then one character each. */
const FUSE_SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

interface AsarNode {
  readonly files?: Readonly<Record<string, AsarNode>> | undefined;
  readonly size?: number | undefined;
  readonly offset?: string | undefined;
  readonly unpacked?: boolean | undefined;
}
const asarSchema: z.ZodType<AsarNode> = z.lazy(() =>
  z.object({
    files: z.record(z.string(), asarSchema).optional(),
    size: z.number().optional(),
    offset: z.string().optional(),
    unpacked: z.boolean().optional(),
  }),
);

interface ArchivedFile {
  readonly path: string;
  /** Its content; undefined when it lies beside the archive. */
  readonly body: Buffer | undefined;
}

/** All files of an archive: four numbers, a JSON tree, then the contents. */
function readAsar(path: string): ArchivedFile[] {
  const archive = readFileSync(path);
  const start = 8 + archive.readUInt32LE(4);
  const header = asarSchema.parse(JSON.parse(archive.toString('utf8', 16, 16 + archive.readUInt32LE(12))));
  const walk = (node: AsarNode, dir: string): ArchivedFile[] =>
    Object.entries(node.files ?? {}).flatMap(([name, child]): ArchivedFile[] => {
      const childPath = dir === '' ? name : `${dir}/${name}`;
      if (child.files) return walk(child, childPath);
      if (child.unpacked || child.offset === undefined) return [{ path: childPath, body: undefined }];
      const from = start + Number(child.offset);
      return [{ path: childPath, body: archive.subarray(from, from + (child.size ?? 0)) }];
    });
  return walk(header, '');
}

const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

let temp: string;
/** The packaged app's resources. */
let resources: string;
/** What lies beside the archive. */
let beside: string;
let program: string;
let archived: ArchivedFile[];

beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), 'flashgrid-package-'));
  // The app runs under a user without rights.
  await chmod(temp, 0o755);
  const distribution = join(temp, 'electron');
  const found = findTestElectron();
  if (!found) throw new Error('there is no Electron: npm run test:electron fetches it');
  // A copy: its fuses are flipped in place. Without the link by which the tests start the built app.
  await cp(found.dir, distribution, { recursive: true, verbatimSymlinks: true });
  await rm(join(distribution, 'resources/app'), { force: true });
  await run(
    process.execPath,
    [
      join(ROOT, 'node_modules/electron-builder/cli.js'),
      '--linux',
      'dir',
      `--config.electronDist=${distribution}`,
      `--config.directories.output=${join(temp, 'dist')}`,
    ],
    {
      cwd: ROOT,
      timeout: PACK_LIMIT_MS,
      // Whatever would be downloaded fails here: nothing is.
      env: {
        ...process.env,
        HTTP_PROXY: 'http://127.0.0.1:9',
        HTTPS_PROXY: 'http://127.0.0.1:9',
        npm_config_offline: 'true',
        CSC_IDENTITY_AUTO_DISCOVERY: 'false',
      },
    },
  );
  resources = join(temp, 'dist/linux-unpacked/resources');
  archived = readAsar(join(resources, 'app.asar'));
  beside = join(resources, 'app.asar.unpacked');
  program = join(temp, 'dist/linux-unpacked/flashgrid');
  // As the installers do.
  await allowSandbox(dirname(program));
}, PACK_LIMIT_MS);
afterAll(() => rm(temp, { recursive: true, force: true, maxRetries: 5 }));

describe('the archive', () => {
  it('holds entry, preload and page as they were built', async () => {
    for (const path of ['out/main/main.js', 'out/preload/preload.cjs', 'out/renderer/index.html']) {
      const body = archived.find((file) => file.path === path)?.body;
      expect(body && sha256(body), path).toBe(sha256(readFileSync(join(ROOT, path))));
    }
    const pages = await readdir(join(ROOT, 'out/renderer'), { recursive: true, withFileTypes: true });
    const packed = archived.filter(({ path, body }) => path.startsWith('out/renderer/') && body);
    expect(packed).toHaveLength(pages.filter((entry) => entry.isFile()).length);
  });
  it('holds nothing that only builds or tests', () => {
    const paths = archived.map(({ path }) => path);
    expect(
      paths.filter((path) => /\.(ts|tsx|map)$|\.test\.|^(renderer|electron|tests)\//.test(path)),
    ).toEqual([]);
    expect(
      paths.filter((path) =>
        /^node_modules\/(typescript|prisma|vite|vitest|electron|electron-builder|react|effect|playwright-core)\//.test(
          path,
        ),
      ),
    ).toEqual([]);
  });
});

describe('beside the archive', () => {
  it('lie the services, scripts, migrations and images as real files', () => {
    for (const path of [
      'package.json',
      'out/main/gateway.js',
      'out/main/worker.js',
      'out/main/generator.js',
      'out/main/cli.js',
      'build/icons/256x256.png',
    ])
      expect(existsSync(join(beside, path)), path).toBe(true);
  });
  it('every script and migration of the repository has arrived', async () => {
    for (const dir of ['lua', 'prisma/migrations', 'docker']) {
      const files = async (root: string) =>
        (await readdir(join(root, dir), { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile() && !/\.(md|test\.ts)$/.test(entry.name))
          .map((entry) => entry.name)
          .sort();
      expect(await files(beside), dir).toEqual(await files(ROOT));
    }
  });
  it('weighs little: the build tools that come with Prisma stay at home', async () => {
    const entries = await readdir(beside, { recursive: true, withFileTypes: true });
    const sizes = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
    );
    expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(60 * 1024 * 1024);
  });
});

describe('the program', () => {
  it('has every fuse set as the services allow', () => {
    const bytes = readFileSync(program, 'latin1');
    const at = bytes.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2;
    const states = Object.fromEntries(
      Object.keys(FUSES).map((name, index) => [name, bytes[at + index] === '1']),
    );
    expect(states).toEqual(FUSES);
  });
});

describe('the packaged app', () => {
  it(
    'opens, starts the packaged services, passes an attack, is reached by its own terminal, and leaves nothing',
    async () => {
      for (let dir = dirname(program); dir !== dirname(dir); dir = dirname(dir))
        expect(existsSync(join(dir, 'node_modules'))).toBe(false);
      const home = temporaryHome();
      const app = await ElectronApp.start({ home: home.path, program });
      try {
        const { app: facts } = await app.call('app.getSnapshot', {});
        expect(facts.pid).toBe(app.pid);
        await app.call('cluster.start', { provider: 'native' });
        await app.call('attack.launch', {
          profile: 'burst',
          requests: 2_000,
          connections: 50,
          stock: 20,
        });
        await app.page
          .getByRole('navigation', { name: 'Pages' })
          .getByRole('link', { name: 'Attack' })
          .click();
        await app.page
          .getByText(/20 tickets, 20 owners|No verdict/)
          .first()
          .waitFor({ timeout: 45_000 });
        const [saved] = await app.call('runs.listRuns', {});
        const record = await app.call('runs.getRun', { id: saved?.id ?? '' });
        expect(record).toMatchObject({
          load: { sent: 2_000, accepted: 2_000 },
          audit: { sold: 20, lost: 0, duplicated: 0 },
        });
        expect(record.audit.checks.filter(({ ok }) => !ok)).toEqual([]);
        // What lies beside the archive runs under any other Node too.
        const cli = join(beside, 'out/main/cli.js');
        const { stdout } = await run(process.execPath, [cli, 'status', '--data-dir', app.dataDir], {
          cwd: home.path,
          env: { PATH: process.env['PATH'] },
          ...userOfTests,
        });
        expect(stdout).toContain('Cluster: running');
        expect(app.complaints).toEqual([]);
        await app.call('app.quit', {});
        expect(await app.exit()).toBe(0);
        expect(processesOf(home.path)).toEqual([]);
      } finally {
        await app.end();
        home.remove();
      }
    },
    RUN_LIMIT_MS,
  );

  it('opens no door for a debugger, whatever its arguments say', async () => {
    const home = temporaryHome();
    const app = await ElectronApp.start({
      home: home.path,
      program,
      env: { NODE_OPTIONS: '--inspect=0' },
      args: ['--inspect=0'],
      isExpectedToOpen: false,
    });
    try {
      // Node's would be there long before Chromium's, which a test may ask for.
      await app.until('Chromium listens', () => app.output.includes('DevTools listening'));
      expect(app.output).not.toContain('Debugger listening');
    } finally {
      await app.end();
      home.remove();
    }
  });
});
