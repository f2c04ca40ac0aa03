import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** A tree in which every rule is broken once: rule, the file that breaks it, and what it imports. */
const PLANTED = [
  ['control-knows-no-electron', 'electron/control/a.ts', 'electron'],
  ['control-knows-no-face', 'electron/control/b.ts', '../web.ts'],
  ['gateway-and-worker-are-strangers', 'services/gateway/c.ts', '../worker/w.ts'],
  ['shared-knows-no-service', 'services/shared/d.ts', '../worker/w.ts'],
  ['services-know-no-desktop', 'services/worker/e.ts', '../../electron/control/plain.ts'],
  ['desktop-knows-only-shared', 'electron/control/f.ts', '../../services/worker/w.ts'],
  ['renderer-knows-only-the-contract', 'renderer/g.ts', '../electron/control/plain.ts'],
  ['renderer-knows-no-node', 'renderer/h.ts', 'node:fs'],
  ['no-cycles', 'services/shared/i.ts', './j.ts'],
] as const;
/** What they import, and what is allowed. */
const BYSTANDERS: Readonly<Record<string, string>> = {
  'electron/web.ts': 'export const web = 1;\n',
  'electron/control/plain.ts': 'export const plain = 1;\n',
  'electron/control/contract.ts': "export * from '../../services/shared/k.ts';\n",
  'renderer/allowed.ts': "export * from '../electron/control/contract.ts';\n",
  'services/worker/w.ts': "export * from '../shared/k.ts';\n",
  'services/shared/j.ts': "import './i.ts';\nexport const j = 1;\n",
  'services/shared/k.ts': 'export const k = 1;\n',
};

let dir: string;
let report: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fg-imports-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json', 'node_modules'])
    await symlink(join(root, name), join(dir, name));
  const files = {
    ...BYSTANDERS,
    ...Object.fromEntries(PLANTED.map(([, file, target]) => [file, `export * from '${target}';\n`])),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  const args = [
    join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    'err',
    'electron',
    'renderer',
    'services',
  ];
  report = await new Promise<string>((done) =>
    execFile(process.execPath, args, { cwd: dir }, (_error, stdout) => done(stdout)),
  );
}, 120_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

/** `error rule: file → target` lines of the report, without colours. */
const lines = () => report.split('\n').map((line) => line.replace(/\u001b\[\d+m/g, ''));

describe('the rules on imports', () => {
  it.each(PLANTED)('find what breaks %s', (rule, file) => {
    expect(
      lines().some((line) => line.includes(`error ${rule}: ${file}`)),
      report,
    ).toBe(true);
  });

  it('leave alone what is allowed', () => {
    for (const file of ['renderer/allowed.ts', 'electron/control/contract.ts', 'services/worker/w.ts'])
      expect(lines().filter((line) => line.includes(`: ${file} `))).toEqual([]);
  });
});
