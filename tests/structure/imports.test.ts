import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** A tree in which every rule is broken once: rule, the file that breaks it, and what it imports. */
const PLANTED = [
  ['contract-imports', 'contract/a.ts', '../control/plain.ts'],
  ['contract-imports-only-zod', 'contract/b.ts', 'node:fs'],
  ['control-imports', 'control/a.ts', '../web/server.ts'],
  ['only-electron-imports-electron', 'control/b.ts', 'electron'],
  ['control-imports', 'control/c.ts', '../services/worker/w.ts'],
  ['control-folder-order', 'control/cluster/a.ts', '../services/s.ts'],
  ['control-folder-order', 'control/doctor/a.ts', '../plain.ts'],
  ['runner-knows-no-generator', 'control/attack/runner/a.ts', '../generator/g.ts'],
  ['control-attack-generator-imports', 'control/attack/generator/a.ts', '../../plain.ts'],
  ['control-attack-protocol-imports', 'control/attack/protocol/a.ts', '../generator/g.ts'],
  ['control-verify-imports', 'control/verify/a.ts', '../plain.ts'],
  ['web-imports', 'web/a.ts', '../cli/plain.ts'],
  ['cli-imports', 'cli/a.ts', '../electron/plain.ts'],
  ['electron-imports', 'electron/a.ts', '../cli/plain.ts'],
  ['renderer-imports', 'renderer/a.ts', '../control/plain.ts'],
  ['renderer-imports', 'renderer/c.ts', '../scripts/dev.ts'],
  ['renderer-knows-no-node', 'renderer/b.ts', 'node:fs'],
  ['services-gateway-imports', 'services/gateway/a.ts', '../worker/w.ts'],
  ['services-worker-imports', 'services/worker/a.ts', '../../control/plain.ts'],
  ['services-baselines-imports', 'services/baselines/a.ts', '../worker/w.ts'],
  ['services-migrate-imports', 'services/migrate/a.ts', '../worker/w.ts'],
  ['services-shared-imports', 'services/shared/a.ts', '../worker/w.ts'],
  ['no-cycles', 'services/shared/i.ts', './j.ts'],
] as const;
/** What they import, and what is allowed. */
const BYSTANDERS: Readonly<Record<string, string>> = {
  'web/server.ts': "export * from '../control/plain.ts';\n",
  'scripts/dev.ts': 'export const dev = 1;\n',
  'cli/plain.ts': "export * from '../web/server.ts';\n",
  'electron/plain.ts': "export * from '../web/server.ts';\n",
  'control/plain.ts': "export * from '../contract/contract.ts';\n",
  'control/services/s.ts': "export * from '../cluster/c.ts';\n",
  'control/cluster/c.ts': 'export const cluster = 1;\n',
  'control/attack/generator/g.ts': 'export const generator = 1;\n',
  'contract/contract.ts': "export * from '../services/shared/k.ts';\n",
  'renderer/allowed.ts': "export * from '../contract/contract.ts';\n",
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
    ...['contract', 'control', 'web', 'cli', 'electron', 'renderer', 'services'],
  ];
  report = await new Promise<string>((done) =>
    execFile(process.execPath, args, { cwd: dir }, (_error, stdout) => done(stdout)),
  );
}, 120_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

/** `error rule: file → target` lines of the report, without colours. */
const lines = () => report.split('\n').map((line) => line.replace(/\u001b\[\d+m/g, ''));

describe('the rules on imports', () => {
  it('give every folder of control/ its place in the order', () => {
    const rules = readFileSync(join(root, '.dependency-cruiser.cjs'), 'utf8');
    const [, list = ''] = /const CONTROL_FOLDERS = \[([^\]]*)\]/.exec(rules) ?? [];
    const folders = readdirSync(join(root, 'control'), { withFileTypes: true }).filter((one) =>
      one.isDirectory(),
    );
    for (const { name } of folders) expect(list).toContain(`'${name}'`);
  });

  it.each(PLANTED)('find what breaks %s', (rule, file) => {
    expect(
      lines().some((line) => line.includes(`error ${rule}: ${file}`)),
      report,
    ).toBe(true);
  });

  it('leave alone what is allowed', () => {
    for (const file of Object.keys(BYSTANDERS).filter((path) => path !== 'services/shared/j.ts'))
      expect(lines().filter((line) => line.includes(`: ${file} `))).toEqual([]);
  });
});
