import { describe, expect, it } from 'vitest';
import { MIXED_RESULTS, matrixResult } from '../../tests/support/matrix-fixture.ts';
import { exportMatrixHtml } from './export-matrix-html.ts';

const MADE = { version: '0.1.0', atMs: Date.UTC(2026, 10, 26, 19) };

describe('the report of a matrix', () => {
  it('has each fault with its counts, each attack with its command, and the rare paths', () => {
    const report = exportMatrixHtml(MIXED_RESULTS, MADE);
    expect(report).toContain('<h1>BROKEN</h1>');
    for (const { args } of MIXED_RESULTS) expect(report).toContain(`<code>flashgrid attack ${args}</code>`);
    expect(report).toContain('Seed 2, native: broken.');
    expect(report).toContain('Failed checks: no_oversell.');
    expect(report).toContain('Redis is away.');
    expect(report).toMatch(/Taken: 1 of \d+/);
    expect(report).toContain('frame refused by RabbitMQ');
    // What did not pass is open; a fault that held is folded.
    expect(report.match(/<details[^>]*\bopen\b/g)).toHaveLength(1);
    const held = exportMatrixHtml([matrixResult()], MADE);
    expect(held).toContain('<h1>HELD</h1>');
    expect(held).toMatch(/<details\s+class="yes"\s*>/);
  });

  it('runs no script and loads nothing, whatever its results hold', () => {
    const hostile = `<script>alert(1)</script><img src=x onerror='y'>`;
    const report = exportMatrixHtml(
      [
        matrixResult({
          fault: hostile,
          args: hostile,
          effect: hostile,
          reasons: [hostile],
          provider: hostile,
        }),
      ],
      MADE,
    );
    expect(report).not.toMatch(/<script|<img|<link/i);
    expect(report).toContain('&lt;script&gt;');
    expect(report).toContain('default-src &#39;none&#39;');
    expect(report.match(/https?:\/\//g)).toBeNull();
  });

  it('of no attack says that nothing is proven', () => {
    expect(exportMatrixHtml([], MADE)).toContain('<h1>NOT PROVEN</h1>');
  });
});
