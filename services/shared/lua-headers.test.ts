/** Headers that nobody checks drift: what a script's header lists must be what its body uses, and what TypeScript believes. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DECIDE_STATUS, OUTCOME_CODES } from './outcomes.ts';
import { SCRIPTS } from './redis.ts';
import { resourceDir } from './resources.ts';

interface ScriptText {
  readonly header: string;
  readonly body: string;
}

function readScript(file: string): ScriptText {
  return splitScript(readFileSync(join(resourceDir('lua'), file), 'utf8'));
}

function splitScript(text: string): ScriptText {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--'));
  return {
    header: lines
      .slice(0, end)
      .map((line) => line.replace(/^-- ?/, ''))
      .join('\n'),
    body: lines
      .slice(end)
      .map((line) => line.replace(/--.*$/, ''))
      .join('\n'),
  };
}

function indexes(text: string, pattern: RegExp): number[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => Number(match[1])))].sort((a, b) => a - b);
}

/** What is wrong with a script's header; empty when it agrees with the body. */
function faults({ header, body }: ScriptText): string[] {
  const found: string[] = [];
  const expectSection = (name: string, pattern: RegExp) => {
    if (!pattern.test(header)) found.push(`the header has no ${name}`);
  };
  expectSection('purpose', /^[A-Z].*\.?/);
  expectSection('reason for being atomic', /^Atomic because /m);
  expectSection('return value', /^Returns /m);
  expectSection('side effects', /^Side effects: /m);

  const listedKeys = indexes(header, /^KEYS\[(\d+)(?:\.\.)?\] +(?:hash|list|string|set) /gm);
  const usedKeys = indexes(body, /KEYS\[(\d+)\]/g);
  const openEnded = /^KEYS\[(\d+)\.\.\]/m.exec(header)?.[1];
  if (openEnded !== undefined) {
    // Used as KEYS[OFFSET + n] with the offset just below.
    if (!body.includes(`KEYED_OFFSET = ${Number(openEnded) - 1}`) || !body.includes('KEYS[KEYED_OFFSET + '))
      found.push(`the header lists KEYS[${openEnded}..], the body has no such offset`);
    usedKeys.push(Number(openEnded));
  }
  if (listedKeys.join() !== usedKeys.join())
    found.push(`the header lists KEYS ${listedKeys.join()}, the body uses ${usedKeys.join()}`);

  const listedArguments = indexes(header, /^ARGV\[(\d+)\] +\S/gm);
  const usedArguments = indexes(body, /ARGV\[(\d+)\]/g);
  if (listedArguments.join() !== usedArguments.join())
    found.push(`the header lists ARGV ${listedArguments.join()}, the body uses ${usedArguments.join()}`);

  for (const code of indexes(body, /return (\d+)\n/g))
    if (!new RegExp(`\\b${code} \\(`).test(header))
      found.push(`the header does not explain the return value ${code}`);
  // Inputs are renamed first: past the first command no index is left to count wrong.
  const afterFirstCommand = body.slice(body.indexOf('redis.call'));
  if (/(?:KEYS|ARGV)\[\d/.test(afterFirstCommand))
    found.push('an input is used by its index after the first command');
  return found;
}

/** Scripts of services/baselines, which register their own. */
const BASELINE_PREFIX = 'baseline-';
const files = readdirSync(resourceDir('lua')).filter((file) => file.endsWith('.lua'));

describe('the header of', () => {
  it.each(files)('%s agrees with its body', (file) => {
    expect(faults(readScript(file))).toEqual([]);
  });
});

describe('the scripts', () => {
  it('are all registered, with the number of keys that their headers list', () => {
    expect(
      Object.values(SCRIPTS)
        .map(({ file }) => file)
        .sort(),
    ).toEqual(files.filter((file) => !file.startsWith(BASELINE_PREFIX)).sort());
    for (const { file, keys } of Object.values(SCRIPTS)) {
      const { header } = readScript(file);
      const listed = indexes(header, /^KEYS\[(\d+)\]/gm);
      const isOpenEnded = /^KEYS\[\d+\.\.\]/m.test(header);
      expect(keys, file).toBe(isOpenEnded ? null : listed.length);
    }
  });

  it('agree on the shard of a refused key', () => {
    const shardOf = (file: string) => {
      const { body } = readScript(file);
      return [/SHARD_FILL = \d+/.exec(body)?.[0], /local function shardOf.*?\nend\n/s.exec(body)?.[0]];
    };
    expect(shardOf('read-refusals.lua')).toEqual(shardOf('decide-frame.lua'));
    expect(shardOf('read-refusals.lua')).not.toContain(undefined);
  });

  it('name no key themselves', () => {
    for (const file of files) expect(readScript(file).body, file).not.toMatch(/redis\.call\('[A-Z]+', *['"]/);
  });

  it('use the outcome codes and states of outcomes.ts, and no others', () => {
    const { header, body } = readScript('decide-frame.lua');
    const counters = /COUNTERS = \{([^}]*)\}/.exec(body)?.[1] ?? '';
    const inScript = Object.fromEntries(
      [...counters.matchAll(/([A-Z]) = '(\w+)'/g)].map(([, code, name]) => [code, name]),
    );
    expect(inScript).toEqual(OUTCOME_CODES);
    for (const [code, name] of Object.entries(OUTCOME_CODES)) expect(header).toContain(`${code} ${name}`);
    expect(body).toContain(
      `local DECIDED, REPEATED, UNKNOWN_SALE = ${DECIDE_STATUS.decided}, ${DECIDE_STATUS.repeated}, ${DECIDE_STATUS.unknownSale}`,
    );
  });
});

describe('the check of headers', () => {
  const sound = readScript('release-lock.lua');
  it.each<[string, ScriptText]>([
    ['a key that is not listed', { ...sound, body: `local other = KEYS[2]\n${sound.body}` }],
    ['a key that is not used', { ...sound, header: `${sound.header}\nKEYS[2]  hash    nothing` }],
    ['an argument that is not listed', { ...sound, body: `local other = ARGV[2]\n${sound.body}` }],
    ['a return value that is not explained', { ...sound, body: `${sound.body}\nreturn 7\n` }],
    ['a missing section', { ...sound, header: sound.header.replace('Side effects', 'Effects') }],
    ['a late index', { ...sound, body: `${sound.body}\nredis.call('DEL', KEYS[1])` }],
  ])('finds %s', (_, script) => {
    expect(faults(script)).not.toEqual([]);
  });
});
