/**
 * Packages the app as `npm run dist` does, around a stand-in for Electron's program, and shows that what comes out holds everything: it is
 * moved far away from the repository, and runs an attack there with plain Node.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runRecordSchema } from '../electron/control/report/run-record.ts';
import { Desktop } from './electron/desktop.ts';
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

/** A folder that electron-builder takes for Electron's distribution: its program holds the fuses, and nothing else. */
async function writeStandInDistribution(dir: string): Promise<void> {
  await mkdir(join(dir, 'locales'), { recursive: true });
  await mkdir(join(dir, 'resources'));
  const { length } = Object.keys(FUSES);
  const fuses = Buffer.from([1, length, ...Buffer.from('1'.repeat(length))]);
  await writeFile(
    join(dir, 'electron'),
    Buffer.concat([Buffer.from(`#!/bin/sh\nexit 1\n${FUSE_SENTINEL}`), fuses, Buffer.from('\n')]),
  );
  await chmod(join(dir, 'electron'), 0o755);
  await writeFile(join(dir, 'locales/en-US.pak'), '');
  await writeFile(join(dir, 'version'), '0.0.0');
}

const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

let temp: string;
/** The packaged app's resources. */
let resources: string;
/** A copy of what lies beside the archive, with no repository around it. */
let moved: string;
let archived: ArchivedFile[];

beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), 'flashgrid-package-'));
  // Postgres, run by another user, must get through to the data folder.
  await chmod(temp, 0o755);
  const distribution = join(temp, 'electron');
  await writeStandInDistribution(distribution);
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
  moved = join(temp, 'moved');
  await cp(join(resources, 'app.asar.unpacked'), moved, { recursive: true });
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
      expect(existsSync(join(moved, path)), path).toBe(true);
  });
  it('every script and migration of the repository has arrived', async () => {
    for (const dir of ['lua', 'prisma/migrations', 'docker']) {
      const files = async (root: string) =>
        (await readdir(join(root, dir), { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile() && !/\.(md|test\.ts)$/.test(entry.name))
          .map((entry) => entry.name)
          .sort();
      expect(await files(moved), dir).toEqual(await files(ROOT));
    }
  });
  it('weighs little: the build tools that come with Prisma stay at home', async () => {
    const entries = await readdir(moved, { recursive: true, withFileTypes: true });
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
    const program = readFileSync(join(temp, 'dist/linux-unpacked/flashgrid'), 'latin1');
    const at = program.indexOf(FUSE_SENTINEL) + FUSE_SENTINEL.length + 2;
    const states = Object.fromEntries(
      Object.keys(FUSES).map((name, index) => [name, program[at + index] === '1']),
    );
    expect(states).toEqual(FUSES);
  });
});

describe('far away from the repository', () => {
  it(
    'the packaged control centre starts the packaged services with plain Node and passes an attack',
    async () => {
      for (let dir = dirname(moved); dir !== dirname(dir); dir = dirname(dir))
        expect(existsSync(join(dir, 'node_modules'))).toBe(false);
      const json = join(temp, 'run.json');
      const env = { ...process.env };
      delete env['NODE_PATH'];
      delete env['NODE_OPTIONS'];
      await run(
        process.execPath,
        [
          join(moved, 'out/main/cli.js'),
          ...['demo', '--provider', 'native', '--yes', '--data-dir', join(temp, 'data')],
          ...['--requests', '2000', '--connections', '50', '--json', json],
        ],
        { cwd: moved, env, timeout: RUN_LIMIT_MS },
      ).catch((error: unknown) => {
        // On a busy machine the generator may say of itself that it was the limit; the record must be right all the same.
        if (!(error instanceof Error && 'code' in error && error.code === 5)) throw error;
      });
      const record = runRecordSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
      expect(record).toMatchObject({
        load: { sent: 2_000, acknowledged: 2_000 },
        audit: { sold: 20, lost: 0, duplicated: 0 },
      });
      expect(record.audit.checks.filter(({ ok }) => !ok)).toEqual([]);
    },
    RUN_LIMIT_MS,
  );

  it('the packaged entry opens the packaged page', async () => {
    // As Electron sees them: archive and what lies beside it as one tree.
    for (const { path, body } of archived) {
      if (!body || existsSync(join(moved, path))) continue;
      await mkdir(dirname(join(moved, path)), { recursive: true });
      await writeFile(join(moved, path), body);
    }
    const desktop = await Desktop.start({ dataDir: join(temp, 'window-data'), appDir: moved });
    try {
      expect(await desktop.call('app.getSnapshot', {})).toMatchObject({
        ok: true,
        value: { app: { pid: desktop.pid }, cluster: { state: 'stopped' } },
      });
      expect(await desktop.recorded('consoleError')).toEqual([]);
    } finally {
      await desktop.end();
    }
  });
});
