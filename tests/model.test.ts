/**
 * The protocol's model: its promises hold in every state, and without any one of its guards one of them breaks. What docs/model/README.md
 * says is run here.
 */
import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const folder = join(import.meta.dirname, '../docs/model');
const source = readFileSync(join(folder, 'flashgrid.pml'), 'utf8');
const page = readFileSync(join(folder, 'README.md'), 'utf8');
const run = promisify(execFile);
const hasSpin = ['spin', 'gcc'].every((program) => spawnSync(program, ['--version']).error === undefined);
if (!hasSpin)
  console.warn('spin or gcc is missing (Debian: apt install spin gcc libc6-dev): the model is not checked');

interface Finding {
  readonly states: number;
  /** The promise that was broken, and the number of steps to it. */
  readonly broken?: string;
  readonly steps?: number;
  /** What happened, line by line. */
  readonly trail?: readonly string[];
}

/** Lets spin go through every state, or up to the shortest way in which a promise breaks. */
async function check(options: string, isShortest: boolean): Promise<Finding> {
  const cwd = await mkdtemp(join(tmpdir(), 'flashgrid-model-'));
  try {
    await copyFile(join(folder, 'flashgrid.pml'), join(cwd, 'flashgrid.pml'));
    const defines = options.split(' ');
    await run('spin', ['-a', ...defines, 'flashgrid.pml'], { cwd });
    const search = isShortest ? ['-DBFS'] : [];
    await run('gcc', ['-O1', '-w', '-DSAFETY', '-DMEMLIM=2048', ...search, '-o', 'pan', 'pan.c'], { cwd });
    const { stdout } = await run('./pan', ['-m1000', '-n', '-w22'], { cwd });
    const states = Number(/(\d+) states, stored/.exec(stdout)?.[1]);
    if (/error: max search depth|out of memory|memory limit/.test(stdout)) throw new Error(stdout);
    const [, broken = stdout, steps] =
      /assertion violated +!\(+(\w+)\)+ \(at depth (\d+)\)/.exec(stdout) ?? [];
    if (stdout.includes('errors: 0')) return { states };
    const replay = await run('spin', ['-t', '-T', ...defines, 'flashgrid.pml'], { cwd });
    const trail = replay.stdout
      .split('\n')
      .filter((line) => /^(?:gateway|worker|frame|Redis|RabbitMQ)\b/.test(line));
    return { states, broken, steps: Number(steps), trail };
  } finally {
    await rm(cwd, { recursive: true });
  }
}

const rows = page.split('\n').flatMap((line) => {
  const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
  return line.startsWith('| `-D') ? [cells.slice(1, -1)] : [];
});
const full = rows.flatMap(([options = '', states = '']) =>
  /^[\d,]+$/.test(states) ? [{ options, states: Number(states.replaceAll(',', '')) }] : [],
);
/** A guard that is off, or a promise that is not made: what breaks, and after how many steps. */
const breaks = rows.flatMap(([option = '', , options = '', broken = '', steps]) =>
  steps === undefined ? [] : [{ option, options: `${options} ${option}`, broken, steps: Number(steps) }],
);

/** The lines below a heading of the page. */
function trailOf(option: string): string[] | undefined {
  const block = new RegExp(`^### \`${option}\`\\n(?:(?!^#)[^])*?\`\`\`text\\n([^]*?)\\n\`\`\``, 'm').exec(
    page,
  );
  return block?.[1]?.split('\n');
}

describe.skipIf(!hasSpin).concurrent('the model of the protocol', () => {
  it('has a row for each guard that can be switched off', () => {
    const guards = new Set(
      [...source.matchAll(/\bNO_[A-Z_]+/g)].map(([name]) => `-D${name}`).filter((name) => name !== '-DNO_'),
    );
    expect(
      breaks
        .map(({ option }) => option)
        .filter((option) => option.startsWith('-DNO_'))
        .sort(),
    ).toEqual([...guards].sort());
    expect(full.length).toBeGreaterThan(3);
  });

  it.each(full)('keeps its promises in all $states states of $options', async ({ options, states }) => {
    expect(await check(options, false)).toEqual({ states });
  });

  it.each(breaks)('$option breaks $broken in $steps steps', async ({ option, options, broken, steps }) => {
    const found = await check(options, true);
    expect(found).toMatchObject({ broken, steps });
    expect(trailOf(option)).toEqual(found.trail);
  });
});
