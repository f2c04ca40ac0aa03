/** What `npm run dist` is told to make: read from electron-builder.yml with electron-builder's own reader. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FUSES } from '../support/fuses.ts';

const ROOT = resolve(import.meta.dirname, '../..');
// Not a package of ours: the one that the packager itself reads the file with.
const { load } = z
  .object({ load: z.custom<(text: string) => unknown>((value) => typeof value === 'function') })
  .parse(createRequire(createRequire(import.meta.url).resolve('electron-builder'))('js-yaml'));

const targetSchema = z.union([
  z.string().transform((target) => ({ target, arch: [] as string[] })),
  z.object({ target: z.string(), arch: z.array(z.string()) }),
]);
const platformSchema = z.object({ target: z.array(targetSchema), icon: z.string() });
const builder = z
  .object({
    asarUnpack: z.array(z.string()),
    electronFuses: z.record(z.string(), z.boolean()),
    linux: platformSchema,
    mac: platformSchema.extend({ entitlements: z.string() }),
    win: platformSchema,
  })
  .parse(load(readFileSync(join(ROOT, 'electron-builder.yml'), 'utf8')));

const targetsOf = ({ target }: z.infer<typeof platformSchema>) =>
  Object.fromEntries(target.map((each) => [each.target, each.arch]));

describe('what is packaged', () => {
  it('is every target that is promised, for each processor', () => {
    expect(Object.keys(targetsOf(builder.linux)).sort()).toEqual(['AppImage', 'deb', 'rpm']);
    expect(targetsOf(builder.mac)).toEqual({ dmg: ['x64', 'arm64', 'universal'] });
    expect(targetsOf(builder.win)).toEqual({ nsis: ['x64'], portable: ['x64'] });
  });

  it('has its fuses set as far as the services, which run in the same program, allow', () => {
    expect(builder.electronFuses).toEqual(FUSES);
  });

  it('lays outside the archive whatever a child process opens', () => {
    for (const path of ['lua/**', 'prisma/**', 'docker/**', 'node_modules/**'])
      expect(builder.asarUnpack).toContain(path);
    expect(builder.asarUnpack.join(' ')).toMatch(/cli,gateway,worker,generator/);
  });

  it('names only files that are there', () => {
    for (const path of [builder.linux.icon, builder.mac.icon, builder.mac.entitlements, builder.win.icon])
      expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
  });
});
