import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { whole } from '../../../contract/format.ts';
import { fixtureRun } from '../../../tests/support/run-fixture.ts';
import { lastBefore, momentsOf } from '../../lib/replay.ts';
import { ReplayFigures } from './replay.tsx';

const record = fixtureRun();
const { series, audit, load } = record;
const moments = momentsOf(series, audit.stock);
const endMs = series.at(-1)?.tMs ?? 0;

/** What is on the screen at a moment, by its label. */
function shownAt(tMs: number, isOtherShop = false): Record<string, string> {
  const moment = moments[lastBefore(moments, tMs)];
  if (!moment) throw new Error('no moment');
  const text = renderToStaticMarkup(
    <ReplayFigures moment={moment} stock={audit.stock} isOtherShop={isOtherShop} />,
  );
  const pairs = [...text.matchAll(/<dt>([^<]+)<\/dt><dd>([^<]+)<\/dd>/g)];
  return Object.fromEntries(pairs.map(([, label = '', value = '']) => [label, value]));
}

it('shows the figures of the record at every moment of the run', () => {
  for (let tMs = 0; tMs <= endMs + 40; tMs += 7) {
    const known = series.filter((row) => row.tMs <= tMs);
    const sum = (key: 'sent' | 'accepted' | 'rejected' | 'unknown' | 'granted' | 'refused') =>
      known.reduce((total, row) => total + row[key], 0);
    expect(shownAt(tMs), `${tMs} ms`).toEqual({
      sent: whole(sum('sent')),
      'in flight': whole(sum('sent') - sum('accepted') - sum('rejected') - sum('unknown')),
      accepted: whole(sum('accepted')),
      rejected: whole(sum('rejected')),
      'queue depth': whole(known.at(-1)?.queueDepth ?? 0),
      granted: whole(sum('granted')),
      refused: whole(sum('refused')),
      'tickets left': whole(known.at(-1)?.remaining ?? audit.stock),
    });
  }
});

it('ends with what the record says of the whole run', () => {
  expect(shownAt(endMs)).toMatchObject({
    sent: whole(load.sent),
    accepted: whole(load.accepted),
    granted: whole(audit.granted),
    refused: whole(audit.refused),
    'tickets left': whole(audit.stock - audit.sold),
  });
});

it('tells nothing of the queue and the stock of another shop', () => {
  expect(Object.keys(shownAt(300, true))).toEqual(['sent', 'in flight', 'accepted', 'rejected']);
});
