import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { fixtureLoad, fixtureRun } from '../../../tests/support/run-fixture.ts';
import { LatencyPanel } from './latency-panel.tsx';

const textOf = (record: ReturnType<typeof fixtureRun>) =>
  renderToStaticMarkup(<LatencyPanel record={record} />);

it('shows latencies by outcome from both send times to p99.99, as a percentile curve and as a heat map', () => {
  const text = textOf(fixtureRun());
  expect(text.match(/<svg /g)).toHaveLength(2);
  expect(text).toMatch(/id="curve"[\s\S]*from the intended send time[\s\S]*from the actual send time/);
  expect(text).toMatch(/id="heat"[\s\S]*class="bar blue"/);
  expect(text).toContain('<th scope="col">p99.99</th>');
  for (const from of ['intended', 'actual'])
    expect(text).toMatch(
      new RegExp(
        `<th scope="row">accepted</th><td[^>]*>${from}</td><td[^>]*>10,000</td>(?:<td[^>]*>[\\d.]+ m?s</td>){9}`,
      ),
    );
});

it('shows nothing for a record of an earlier version', () => {
  const load = { ...fixtureLoad, latencies: undefined };
  expect(textOf({ ...fixtureRun({ load }), latencyHeat: undefined })).toBe('');
});
