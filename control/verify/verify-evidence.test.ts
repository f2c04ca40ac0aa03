import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { World } from '../../tests/support/audit-world.ts';
import { damagedWorld } from '../../tests/support/damaged-world.ts';
import { enough, faults, soldOut } from '../../tests/support/planted-faults.ts';
import { fixtureRun } from '../../tests/support/run-fixture.ts';
import { judge } from '../audit/audit.ts';
import { MerkleTree } from '../evidence/merkle-tree.ts';
import { evidenceRecords } from '../evidence/evidence-records.ts';
import { writeEvidence } from '../evidence/write-evidence.ts';
import { EvidenceError } from './evidence-error.ts';
import { Judge } from './judge.ts';
import { verifyEvidence } from './verify-evidence.ts';

const EXAMPLE = join(import.meta.dirname, '../../docs/examples/verify.py');
const hasPython = spawnSync('python3', ['--version']).status === 0;

let dir: string;
let files = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flashgrid-evidence-'));
});
afterAll(() => rm(dir, { recursive: true }));

const fixture = fixtureRun();
const newPath = () => join(dir, `${files++}.evidence.gz`);

async function write(world: World, undecided: readonly string[] = []) {
  const evidence = world.evidence();
  const audit = judge(evidence, 12, undecided);
  const path = newPath();
  const root = await writeEvidence(path, evidenceRecords([{ evidence, audit }], fixtureRun()));
  return { path, root, audit };
}

const linesOf = async (path: string) =>
  gunzipSync(await readFile(path))
    .toString('latin1')
    .trimEnd()
    .split('\n');

/** Writes records with a root that fits them, as somebody would who knows the format. */
async function forge(lines: readonly string[]): Promise<{ path: string; root: string }> {
  const path = newPath();
  return {
    path,
    root: await writeEvidence(
      path,
      lines.filter((line) => !line.startsWith('M')),
    ),
  };
}

async function failedIn(path: string, state = 'failed') {
  const { checks, disputed } = await verifyEvidence(path);
  return { failed: Object.keys(checks).filter((name) => checks[name]?.state === state), disputed };
}

describe('the second judge', () => {
  it('agrees with the audit on a clean run, and names the root that was printed', async () => {
    for (const world of [
      soldOut(),
      enough(),
      new World({ stock: 3, fortunes: ['lost', 'taken', 'dropped', 'failed', 'taken', 'lost'] }),
    ]) {
      const { path, root } = await write(world);
      const judgement = await verifyEvidence(path, { expectedRoot: root });
      expect(Object.values(judgement.checks).map(({ state }) => state)).toEqual(Array(9).fill('passed'));
      expect(judgement).toMatchObject({ root, disputed: [], runId: fixtureRun().id });
    }
  });

  it('agrees with the audit on reservations that were sent again under their key', async () => {
    const again = soldOut();
    for (const request of [0, 3, 12, 30]) again.sendAgain(request, 60_000);
    const { path } = await write(again);
    expect(await failedIn(path)).toEqual({ failed: [], disputed: [] });
    // Redis has lost the record of one that was granted: its ticket stands for both requests.
    again.frames.splice(-4, 1);
    expect(await failedIn((await write(again)).path)).toEqual({ failed: [], disputed: [] });
  });

  it('agrees with the audit whatever was damaged, decided or not (property)', () => {
    fc.assert(
      fc.property(damagedWorld(), fc.constantFrom([], ['worker-1 was given up.']), (world, undecided) => {
        const evidence = world.evidence();
        const audit = judge(evidence, 12, undecided);
        const tree = new MerkleTree();
        const second = new Judge(undefined);
        for (const record of evidenceRecords([{ evidence, audit }], fixture)) {
          tree.add(record);
          second.read(record);
        }
        second.read(`M\t${tree.root()}\t${tree.leaves}`);
        const { disputed, checks } = second.finish(undefined);
        expect(disputed, JSON.stringify([audit.checks, checks])).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });

  it.each(faults)('finds with other code what the audit finds: $what', async ({ world, plant, breaks }) => {
    const planted = world();
    plant(planted);
    const { path } = await write(planted);
    expect(await failedIn(path)).toEqual({ failed: breaks, disputed: [] });
  });

  it('leaves open what the audit leaves open', async () => {
    const world = soldOut();
    world.frames.pop();
    const { path } = await write(world, ['worker-1 was given up.']);
    expect(await failedIn(path, 'open')).toEqual({
      failed: ['conservation', 'single_outcome'],
      disputed: [],
    });
  });

  it('says so when the audit called a broken promise kept', async () => {
    const { path } = await write(soldOut());
    const lines = (await linesOf(path)).map((line) => line.replace(/^T\t2\t/, 'T\t1\t'));
    const forged = await forge(lines);
    expect(await failedIn(forged.path)).toMatchObject({ disputed: expect.arrayContaining(['no_oversell']) });
  });
});

describe('a file that was changed', () => {
  it('is found out by its root, whichever record was changed, added, removed or moved', async () => {
    const { path, root } = await write(soldOut());
    const lines = await linesOf(path);
    const at = fc.nat({ max: lines.length - 2 });
    const change = fc.oneof(
      fc.tuple(at, fc.nat()).map(([line, column]) => {
        const text = lines[line] ?? '';
        const place = column % text.length;
        const other = text[place] === '7' ? '8' : '7';
        return lines.with(line, text.slice(0, place) + other + text.slice(place + 1));
      }),
      at.map((line) => lines.toSpliced(line, 1)),
      at.map((line) => lines.toSpliced(line, 0, lines[line] ?? '')),
      fc
        .tuple(at, at)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => lines.with(a, lines[b] ?? '').with(b, lines[a] ?? '')),
    );
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        const file = newPath();
        await writeFile(file, gzipSync(changed.map((line) => `${line}\n`).join('')));
        await expect(verifyEvidence(file)).rejects.toThrow(EvidenceError);
        // With a root that fits, only who knows the printed one finds it out.
        const forged = await forge(changed);
        expect(forged.root).not.toBe(root);
        await expect(verifyEvidence(forged.path, { expectedRoot: root })).rejects.toThrow(EvidenceError);
      }),
      { numRuns: 60 },
    );
  });

  it('never ends in anything but a clear error, whatever its bytes are', async () => {
    const { path } = await write(enough());
    const bytes = await readFile(path);
    const mutated = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat({ max: bytes.length }).map((end) => bytes.subarray(0, end)),
      fc
        .tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }))
        .map(([place, byte]) => bytes.with(place, byte)),
      fc.string().map((text) => gzipSync(text)),
      fc
        .array(fc.constantFrom('H\t{}', 'T\t1\ta\tb', 'R\t0', 'E\t{}', 'M\t0\t0', 'S\t\t\t', 'H\t[]'))
        .map((all) => gzipSync(`${all.join('\n')}\n`)),
    );
    await fc.assert(
      fc.asyncProperty(mutated, async (content) => {
        const file = newPath();
        await writeFile(file, content);
        const isSame = Buffer.compare(Buffer.from(content), bytes) === 0;
        await verifyEvidence(file).then(
          (judgement) => expect(isSame || judgement.disputed.length === 0).toBe(true),
          (error: unknown) => expect(error).toBeInstanceOf(EvidenceError),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('is named when it is not there', async () => {
    await expect(verifyEvidence(join(dir, 'none'))).rejects.toThrow(/can't be read \(ENOENT\)/);
  });
});

it('makes the same root as the tree that RFC 6962 defines', () => {
  // Of its test vectors in certificate-transparency: the roots over no more than seven leaves.
  const leaves = [
    '',
    '\x00',
    '\x10',
    '\x20\x21',
    '\x30\x31',
    '\x40\x41\x42\x43',
    '\x50\x51\x52\x53\x54\x55\x56\x57',
  ];
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  ];
  const tree = new MerkleTree();
  leaves.forEach((leaf, at) => {
    tree.add(leaf);
    expect(tree.root()).toBe(roots[at]);
  });
});

it.skipIf(!hasPython)('can be checked without FlashGrid, by the example in Python', async () => {
  const run = (path: string) => spawnSync('python3', [EXAMPLE, path], { encoding: 'utf8' });
  const { path, root } = await write(soldOut());
  expect(run(path)).toMatchObject({ status: 0, stdout: expect.stringContaining(root) });
  for (const { world, plant, breaks } of faults.filter((fault) => fault.breaks.includes('no_oversell'))) {
    const planted = world();
    plant(planted);
    const result = run((await write(planted)).path);
    expect(result.status).toBe(3);
    expect(result.stdout).toContain(`FAILED  ${breaks[0]}`);
  }
  const lines = await linesOf(path);
  const changed = newPath();
  await writeFile(
    changed,
    gzipSync(
      lines
        .toSpliced(5, 1)
        .map((line) => `${line}\n`)
        .join(''),
    ),
  );
  expect(run(changed)).toMatchObject({ status: 1 });
});
