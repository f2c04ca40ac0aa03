/** The threat model names a test for each threat. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');
const rows = page.split('\n').flatMap((line) => {
  const [, threat = '', , shown] = line.split('|').map((cell) => cell.trim());
  const isThreat = shown !== undefined && !/^(?:shown by|-+)$/.test(shown);
  return isThreat ? [{ threat, shown }] : [];
});

describe('the threat model', () => {
  it('has threats to every part', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it.each(rows)('names tests that exist: $threat', ({ shown }) => {
    const files = [...shown.matchAll(/`([^`]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)];
    expect(files.length).toBeGreaterThan(0);
    for (const [, path = '', names = ''] of files) {
      expect(existsSync(join(root, path)), path).toBe(true);
      const text = readFileSync(join(root, path), 'utf8');
      for (const [, name] of names.matchAll(/"([^"]+)"/g)) expect(text, path).toContain(name);
    }
  });
});
