import { describe, expect, it } from 'vitest';
import { MIXED_RESULTS, matrixResult } from '../tests/support/matrix-fixture.ts';
import {
  matrixMarkdown,
  matrixRows,
  matrixSentences,
  matrixSummary,
  matrixVerdict,
  outcomeOf,
  rowsOf,
} from './matrix-report.ts';

describe('the results of a matrix', () => {
  it('tell what held, and name every attack that did not', () => {
    const [, row] = matrixRows(MIXED_RESULTS);
    expect(row?.slice(0, 8)).toEqual(['`kill:worker`', '4', '4,000', '1', '1', '1', '1', '1']);
    const summary = matrixSummary(MIXED_RESULTS).join('\n');
    expect(summary).toContain('4 attacks with 4,000 requests: 1 oversold');
    expect(summary).toContain('Broken in 1 attack: --seed 2.');
    expect(summary).toContain('Without effect: --seed 3.');
    expect(summary).toContain('Undecided: --seed 4 (Redis is away.).');
    expect(summary).toMatch(/Rare paths that no attack took: .*frame refused by RabbitMQ/);
    expect(matrixSummary([matrixResult()]).join('\n')).toContain('No promise was broken.');
    expect(matrixMarkdown(MIXED_RESULTS)).toContain('| `kill:worker` | 4 |');
    // Kind, seeds, targets, attacks.
    expect(matrixMarkdown(MIXED_RESULTS)).toContain('| `kill` | 4 | 1 | 4 |');
  });

  it('are named by fault and seed where each is shown below, and counted when they are many', () => {
    expect(matrixSentences(MIXED_RESULTS).slice(2)).toEqual([
      'A promise was broken by: kill:worker (seed 2).',
      'Undecided: kill:worker (seed 4).',
      'Without effect: kill:worker (seed 3).',
    ]);
    const many = Array.from({ length: 20 }, (_, seed) => matrixResult({ seed, exitCode: 6 }));
    expect(matrixSentences(many).at(-1)).toMatch(/kill:worker \(seed 7\) and 12 more\.$/);
    expect(matrixSentences([matrixResult()]).at(-1)).toBe('No promise was broken.');
  });

  it('come to the worst of them, and an attack that proved nothing is no pass', () => {
    expect(MIXED_RESULTS.map(outcomeOf)).toEqual(['pass', 'broken', 'no effect', 'undecided']);
    expect(matrixVerdict(MIXED_RESULTS)).toBe('broken');
    expect(matrixVerdict(MIXED_RESULTS.slice(2))).toBe('undecided');
    expect(matrixVerdict([matrixResult(), matrixResult({ exitCode: 5 })])).toBe('invalid');
    expect(matrixVerdict([matrixResult()])).toBe('pass');
    expect(matrixVerdict([])).toBe('invalid');
  });

  it('have a row for each fault, with the rare paths of all its attacks', () => {
    const rows = rowsOf([matrixResult(), matrixResult({ fault: 'flush:redis' }), matrixResult({ seed: 2 })]);
    expect(rows.map(({ fault, attacks, coverage }) => [fault, attacks, coverage])).toEqual([
      ['kill:worker', 2, { frameRedelivered: 4 }],
      ['flush:redis', 1, { frameRedelivered: 2 }],
    ]);
  });
});
