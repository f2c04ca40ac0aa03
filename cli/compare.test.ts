import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunRecord } from '../contract/run-record.ts';
import { dataFolder } from '../control/lib/data-folder.ts';
import { fixtureRun } from '../tests/support/run-fixture.ts';
import { UsageError } from '../contract/attack-options.ts';
import { parseTerminal } from './args.ts';
import { baseline, compare, judgeAgainst, readAgainst } from './compare.ts';
import { namedRuns } from './named-runs.ts';
import { openOutputs } from './outputs.ts';
import { turnsOf, worstOf } from '../contract/campaign.ts';
import { readRepeat } from './repeat.ts';
import type { CommandContext } from './session.ts';

const base = fixtureRun();
/** Ten runs that spread over 2 %, each slower by so many ms. */
const tenRuns = (name: string, delayMs = 0): RunRecord[] =>
  Array.from({ length: 10 }, (_, at) => ({
    ...base,
    id: `run-${name}${at}`,
    group: `group-${name}`,
    load: {
      ...base.load,
      latencyMs: { ...base.load.latencyMs, p50: 60 * (1 + ((at * 7) % 10) / 500) + delayMs },
    },
  }));

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'flashgrid-compare-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function file(name: string, content: unknown): string {
  const path = join(dir, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function run(command: typeof compare, positionals: readonly string[], values = {}) {
  const printed: string[] = [];
  const print = (text: string) => printed.push(text);
  const context = {
    values,
    positionals,
    dataDir: dir,
    version: '0.1.0',
    out: { print, raw: print, width: 200 },
    outputs: await openOutputs(values),
  } as unknown as CommandContext;
  return { code: await command(context), text: printed.join('\n'), context };
}

describe('flashgrid compare', () => {
  it('compares files of records, and writes HTML, Markdown and JSON with the same figures', async () => {
    const [a, b] = [file('a.json', tenRuns('a')), file('b.json', tenRuns('b', 20))];
    const out = (name: string) => join(dir, name);
    const values = { json: out('c.json'), html: out('c.html'), md: out('c.md') };
    const { code, text } = await run(compare, [a, b], values);
    expect(code).toBe(0);
    expect(text).toMatch(/^WORSE\n/);
    const [change] = /\+33 %/.exec(text) ?? ['missing'];
    for (const path of [values.html, values.md]) {
      const content = readFileSync(path, 'utf8');
      expect(content).toContain(change);
      expect(content).toContain('no difference found');
    }
    expect(readFileSync(values.html, 'utf8').match(/class="card chart"/g)).toHaveLength(4);
    const json: unknown = JSON.parse(readFileSync(values.json, 'utf8'));
    expect(json).toMatchObject({ verdict: 'worse', a: { name: a }, b: { runs: { length: 10 } } });
  });

  it('takes several files for a side, each run once', async () => {
    const records = tenRuns('a');
    const parts = [
      file('1.json', records.slice(0, 4)),
      file('2.json', records.slice(4)),
      file('3.json', records[9]),
    ];
    expect(await namedRuns(parts.join(','), { dataDir: dir, version: '0.1.0' }, undefined)).toHaveLength(10);
  });

  it('calls one run against one neither better nor worse', async () => {
    const [a, b] = [file('a.json', tenRuns('a')[0]), file('b.json', tenRuns('b', 900)[0])];
    const { code, text } = await run(compare, [a, b]);
    expect([code, text]).toEqual([
      0,
      expect.stringMatching(/^CAN'T TELL\n[\s\S]*1 run against 1 run: too few/),
    ]);
  });

  it.each<[positionals: string[], message: RegExp]>([
    [[], /Give two sides, A and B/],
    [['./a.json'], /Give two sides/],
    [['./a.json', './b.json', './c.json'], /Give two sides/],
    [['./no-such.json', './no-such.json'], /\.\/no-such\.json can't be read/],
    [['baseline', './no-such.json'], /There is no baseline yet: .*baseline set RUN/],
  ])('ends %j as wrong use', async (positionals, message) => {
    await expect(run(compare, positionals)).rejects.toThrow(UsageError);
    await expect(run(compare, positionals)).rejects.toThrow(message);
  });

  it.each(['', 'not JSON', '[]', '{}', '[{}]', '3', 'null'])(
    'refuses a file that is no record: %j',
    async (content) => {
      const path = file('bad.json', content);
      const wrong = run(compare, [path, path]);
      await expect(wrong).rejects.toThrow(UsageError);
      await expect(wrong).rejects.toThrow(path);
    },
  );
});

describe('a baseline', () => {
  it('is kept as it was, can be shown, and stands in the place of a run', async () => {
    await expect(run(baseline, [])).rejects.toThrow(/There is no baseline yet/);
    const { text } = await run(baseline, ['set', file('a.json', tenRuns('a'))]);
    expect(text).toContain('The baseline is 10 runs: 10,000 buyers, 20 tickets');
    expect((await run(baseline, [])).text).toBe(text);
    rmSync(join(dir, 'a.json'));
    expect((await run(compare, ['baseline', file('b.json', tenRuns('b', 20))])).text).toMatch(/^WORSE/);
  });

  it("leaves the data folder as passable as it was: root's backends have a user of their own", async () => {
    chmodSync(dir, 0o711);
    dataFolder(dir);
    const { mode } = statSync(dir);
    await run(baseline, ['set', file('a.json', tenRuns('a'))]);
    expect(statSync(dir).mode).toBe(mode);
    expect(statSync(join(dir, 'baseline.json')).mode & 0o777).toBe(0o600);
  });

  it('says when it is too small to tell anything', async () => {
    const { text } = await run(baseline, ['set', file('a.json', tenRuns('a')[0])]);
    expect(text).toMatch(/too few to tell a change from noise: make 7 or more/);
  });

  it.each([[['set']], [['drop', 'x']], [['set', 'a', 'b']]])('ends %j as wrong use', async (positionals) => {
    await expect(run(baseline, positionals)).rejects.toThrow(/Write `baseline set RUN`/);
  });
});

describe('--against', () => {
  const against = { name: 'baseline', records: tenRuns('a') };

  it.each([
    ['a regression', 20, 4],
    ['a gain', -20, 0],
    ['the same', 0, 0],
  ])('ends %s by its exit code', async (_, delayMs, code) => {
    const { context } = await run(baseline, ['set', file('a.json', against.records)]);
    expect(judgeAgainst(against, tenRuns('b', delayMs), context)).toBe(code);
  });

  it('says which metric is worse, by how much, and its interval', async () => {
    const printed: string[] = [];
    const out = { print: (text: string) => printed.push(text), raw: () => undefined, width: 100 };
    judgeAgainst(against, tenRuns('b', 20), { out: out as unknown as CommandContext['out'] });
    expect(printed).toEqual([
      expect.stringMatching(
        /^✗ Regression against baseline: The p50 latency went from 60\.\d ms to 80\.\d ms: slower, \+33 % \(99 % interval \+32 % to \+34\.\d %\)\.$/,
      ),
    ]);
  });

  it('is refused before the attack when so few runs could never tell, and proves nothing when too few were sound', async () => {
    const path = file('a.json', tenRuns('a'));
    const [client, place] = [undefined as never, { dataDir: dir, version: '0.1.0' }];
    await expect(readAgainst(path, 1, place, client)).rejects.toThrow(
      /10 runs there and 1 run now are too few .*--repeat 10/,
    );
    expect(await readAgainst(path, 10, place, client)).toHaveLength(10);
    const unsound = tenRuns('b').map((record) => ({ ...record, verdict: 'invalid' as const }));
    const { context } = await run(baseline, ['set', path]);
    expect(judgeAgainst(against, unsound, context)).toBe(5);
  });
});

describe('--repeat', () => {
  const read = async (...argv: string[]) => {
    const { values } = parseTerminal(['attack', ...argv]);
    return readRepeat({ values, outputs: await openOutputs(values) });
  };

  it('takes a count, and a list of records', async () => {
    expect(await read('--repeat', '10', '--json', join(dir, 'runs.json'))).toMatchObject({ count: 10 });
    expect(await read('--html', join(dir, 'one.html'))).toMatchObject({
      count: 1,
      against: undefined,
      versus: undefined,
    });
  });

  it.each([['0'], ['201'], ['2.5'], ['many'], ['-1']])('refuses %s', async (count) => {
    await expect(read(`--repeat=${count}`)).rejects.toThrow(/--repeat/);
  });

  it('refuses the formats of a single run', async () => {
    await expect(read('--repeat', '2', '--junit', join(dir, 'x.xml'))).rejects.toThrow(
      /--junit writes one run/,
    );
  });

  it('ends with the worst exit code', () => {
    expect([[0, 0], [0, 4], [4, 5], [6, 5, 4], [0, 3, 6], [3, 130], []].map(worstOf)).toEqual([
      0, 4, 5, 6, 3, 130, 0,
    ]);
  });
});

describe('--versus', () => {
  const read = async (...argv: string[]) => {
    const { values } = parseTerminal(['attack', ...argv]);
    return readRepeat({ values, outputs: await openOutputs(values) });
  };

  it('takes the options of the first set-up, and puts its own over them', async () => {
    const { setUp, versus } = await read(
      '--requests=500',
      '--connections=50',
      '--versus',
      '--workers 3 --connections 100 --slo p99<50ms',
    );
    expect(setUp).toMatchObject({ settings: { requests: 500, connections: 50 }, workers: undefined });
    expect(versus).toMatchObject({
      settings: { requests: 500, connections: 100, slo: 'p99<50ms' },
      workers: 3,
    });
  });

  it('alternates the two, each first every second time', async () => {
    const repeat = await read('--repeat', '4', '--versus', '--workers 3');
    const groups = turnsOf(repeat, 'group-x').map(({ group }) => group?.at(-1));
    expect(groups.join('')).toBe('abbaabba');
    expect(turnsOf({ ...repeat, versus: undefined, count: 1 }, 'group-x')).toEqual([{ setUp: repeat.setUp }]);
  });

  it.each([
    ['--workers 17', /--versus: --workers must be a whole number from 1 to 16/],
    ['--dance', /--versus: .*--dance/],
    ['--repeat 3', /--versus: --repeat is for the whole command/],
    ['--json x', /--versus: --json is for the whole command/],
    ['--help', /--versus: give it options in quotes/],
    ['workers', /--versus: /],
    ['--slo p98<1ms', /--versus: --slo: .*no metric "p98"/],
  ])('refuses %j', async (text, message) => {
    await expect(read('--versus', text)).rejects.toThrow(UsageError);
    await expect(read('--versus', text)).rejects.toThrow(message);
  });

  it('refuses to compare in two ways at once', async () => {
    await expect(read('--versus=--workers 3', '--against=baseline')).rejects.toThrow(/give one of them/);
  });
});
