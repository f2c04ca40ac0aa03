import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { Step } from '../contract/backends.ts';
import type { AttackState, ClusterState } from '../contract/state.ts';
import type { Sample } from '../contract/run-record.ts';
import { Output } from './output.ts';
import { Progress, attackLine } from './progress.ts';

const attack = { phase: 'attacking', progress: 0.45, remaining: 20, granted: 20 } as AttackState;
const sample = { rps: 12_345, queueDepth: 9_999, remaining: 20 } as Sample;

it.each([50, 60, 80, 120])('the live line has all its fields in %i columns', (width) => {
  const line = attackLine(attack, sample, width - 1);
  expect(line.length).toBeLessThan(width);
  expect(line).toMatch(/45 ?%.*12,345.*queue +9,999.*left +20.*(granted|sold) +20$/);
});

it('drops whole fields where even the short words do not fit', () => {
  expect(attackLine(attack, sample, 30)).toBe('attack 45% 12,345/s');
});

it('tells no rate once nothing is sent any more', () => {
  for (const width of [50, 80, 120])
    expect(attackLine({ ...attack, phase: 'draining' }, { ...sample, rps: 0 }, width)).not.toMatch(
      /0 ?(req)?\/s/,
    );
});

function watched(columns: number) {
  const stream = Object.assign(new EventEmitter(), {
    isTTY: false,
    columns,
    writableNeedDrain: false,
    text: '',
    write(text: string) {
      stream.text += text;
      return true;
    },
  });
  return { stream, progress: new Progress(new Output(stream, () => undefined, {})) };
}

const step = (id: string, state: Step['state'], startedAtMs: number): Step => ({
  id,
  title: `Do ${id}`,
  state,
  startedAtMs,
  durationMs: 1_000,
});
const cluster = (state: ClusterState['state'], ...steps: Step[]): ClusterState => ({
  state,
  steps,
  backends: [],
});

it('tells the steps of a start once, and none of a start that was over before', () => {
  const { stream, progress } = watched(0);
  progress.cluster(cluster('running', step('old', 'done', 1)));
  expect(stream.text).toBe('');
  const now = Date.now();
  progress.cluster(cluster('running', step('old', 'done', 1), step('restart', 'done', now)));
  progress.cluster(cluster('stopping', step('stop', 'running', now)));
  progress.cluster(cluster('stopping', step('stop', 'done', now)));
  progress.cluster(cluster('stopping', step('stop', 'done', now), step('more', 'done', now)));
  progress.cluster(cluster('stopped'));
  const titles = stream.text
    .trim()
    .split('\n')
    .map((line) => /Do \w+/.exec(line)?.[0]);
  expect(titles).toEqual(['Do restart', 'Do stop', 'Do more']);
});

it('tells a joined start from where it stands, its last step included', () => {
  const { stream, progress } = watched(0);
  progress.cluster(cluster('starting', step('one', 'done', 1), step('two', 'running', 1)));
  progress.cluster(cluster('running', step('one', 'done', 1), step('two', 'done', 1)));
  expect(stream.text.match(/Do \w+/g)).toEqual(['Do one', 'Do two']);
});
