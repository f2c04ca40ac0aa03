import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Output } from './output.ts';

class Screen extends EventEmitter {
  text = '';
  writableNeedDrain = false;
  constructor(
    readonly isTTY: boolean,
    readonly columns: number,
  ) {
    super();
  }
  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

const lostTo = (errors: Error[]) => (error: Error) => void errors.push(error);
const screenOf = (columns: number, env: NodeJS.ProcessEnv = {}, isTTY = true) => {
  const screen = new Screen(isTTY, columns);
  return { screen, out: new Output(screen, () => undefined, env) };
};
/** What a terminal shows after all that: a line that is cleared is gone. */
const shown = (text: string) => text.split('\n').map((line) => line.split('\r\u001b[2K').at(-1) ?? '');

describe('the output', () => {
  it.each([50, 80, 120])('breaks at spaces within %i columns, and keeps indents', (columns) => {
    const { screen, out } = screenOf(columns);
    const text =
      '✗ redis.start: Redis could not be started because its port is taken by another program of this user.\n  → Choose another port in the settings, or end that program; the logs tell which it is.';
    out.print(text, 2);
    const lines = screen.text.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(columns < 100 ? 3 : 1);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.slice(1).every((line) => line.startsWith('  '))).toBe(true);
    expect(lines.join(' ').replace(/\s+/g, ' ')).toBe(text.replace(/\s+/g, ' '));
  });

  it('leaves nothing of a live line once something lasting is written, or it is cleared', () => {
    const { screen, out } = screenOf(40);
    out.live('attacking 10 %');
    out.live('attacking 20 % and much more than what fits into forty columns');
    out.print('✓ done');
    out.live('0 req/s');
    out.clearLive();
    expect(shown(screen.text)).toEqual(['✓ done', '']);
    expect(Math.max(...screen.text.split('\r\u001b[2K').map((line) => line.length))).toBeLessThan(40);
  });

  it.each([
    ['a pipe', false, {}],
    ['a terminal that can’t move', true, { TERM: 'dumb' }],
  ])('has no live line on %s', (_what, isTTY, env) => {
    const { screen, out } = screenOf(80, env, isTTY);
    out.live('x');
    out.clearLive();
    expect(screen.text).toBe('');
    expect(out.hasColor).toBe(false);
  });

  it('has no colour under NO_COLOR, and takes 100 columns where the width is not told', () => {
    expect(screenOf(80, { NO_COLOR: '1' }).out.hasColor).toBe(false);
    expect(screenOf(80).out.hasColor).toBe(true);
    expect(screenOf(0).out.width).toBe(100);
  });

  it('never breaks a command that is there to be copied', () => {
    const { screen, out } = screenOf(40);
    out.offer('Kept:', 'npm run flashgrid -- report run-1');
    out.offer('Kept as run run-1:', 'npm run flashgrid -- report run-1');
    expect(screen.text).toBe(
      'Kept: npm run flashgrid -- report run-1\nKept as run run-1:\nnpm run flashgrid -- report run-1\n',
    );
  });

  it('hears that nobody reads any more, however the stream tells it, and goes on', () => {
    const errors: Error[] = [];
    const screen = new Screen(false, 0);
    const out = new Output(screen, lostTo(errors), {});
    screen.emit('error', new Error('EPIPE'));
    screen.write = () => {
      throw new Error('ENOSPC');
    };
    out.print('x');
    expect(errors.map(({ message }) => message)).toEqual(['EPIPE', 'ENOSPC']);
  });

  it('does not fill the memory with live lines that nobody takes', () => {
    const { screen, out } = screenOf(80);
    screen.writableNeedDrain = true;
    out.live('x');
    expect(screen.text).toBe('');
  });
});
