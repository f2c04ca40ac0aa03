import { expect, it } from 'vitest';
import { fixtureParts, fixtureRun } from '../tests/support/run-fixture.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import { causeFacts, latencyClasses, repeatCommand, saleRows, sendingRows } from './run-figures.ts';

const rate = attackSettingsSchema.parse({
  profile: 'sustained',
  ratePerSec: 1_500,
  durationSec: 6,
  seed: 7,
  faults: 'kill:workers@25% pause:redis@2s+600ms',
});

it('tells what was asked for, and what was sent', () => {
  const sending = { firstWaveMs: 38, lastMs: 6_000 };
  const load = { ...fixtureParts().load, sent: 9_001, sending };
  expect(sendingRows(fixtureRun({ attack: rate, load }))).toEqual([
    ['Asked for', '1,500 requests a second for 6 seconds, over 1,000 connections'],
    ['Rate sent', '1,500 requests/s'],
    ['First request of every connection within', '38 ms'],
    ['Last request left after', '6 s'],
  ]);
  const [asked] = sendingRows(fixtureRun());
  expect(asked).toEqual(['Asked for', '10,000 requests over 1,000 connections']);
});

it('tells what was offered and sent in each stage', () => {
  const attack = attackSettingsSchema.parse({ profile: 'staged', stages: '0..1000@200ms,1000@100ms' });
  const load = { ...fixtureParts().load, sent: 190, sending: { firstWaveMs: 38, lastMs: 310 } };
  const [sample] = fixtureParts().series;
  if (!sample) throw new Error('the fixture has no sample');
  const series = [30, 60, 100].map((sent, at) => ({ ...sample, tMs: (at + 1) * 100, sent }));
  const rows = sendingRows(fixtureRun({ attack, load, series }));
  expect(rows[0]).toEqual(['Asked for', 'up to 1,000 requests a second over 300 ms, over 200 connections']);
  expect(rows.slice(-2)).toEqual([
    ['Stage 1, 0..1000@200ms', '500/s offered, 450/s sent'],
    ['Stage 2, 1000@100ms', '1,000/s offered, 1,000/s sent'],
  ]);
});

it('has the command that repeats a run, with its faults and its seed', () => {
  expect(repeatCommand(fixtureRun({ attack: rate }))).toBe(
    'flashgrid demo --provider native --gateways 1 --workers 1 --rate 1500 --duration 6 --seed 7 --fault kill:workers@25% --fault pause:redis@2s+600ms',
  );
  const { environment } = fixtureRun();
  const survives = fixtureRun({ attack: rate, environment: { ...environment, highlyAvailable: true } });
  expect(repeatCommand(survives)).toContain('--provider native --ha --gateways 1');
});

it('tells when the sale was sold out, and what never reached Postgres', () => {
  expect(saleRows(fixtureRun())).toEqual([
    ['Sold out after', '200 ms'],
    ['Kept away from Postgres', '9,980 of 10,000 (99.8 %)'],
  ]);
  expect(saleRows(fixtureRun({ series: [] }))[0]).toEqual(['Sold out after', 'not sold out']);
});

it('tells each cause of a request that was not accepted, the most frequent first', () => {
  const load = { ...fixtureParts().load, causes: { ECONNRESET: 3, '503 unconfirmed': 40, timeout: 5 } };
  expect(causeFacts(fixtureRun({ load }))).toEqual([
    ['Unconfirmed by RabbitMQ in time (503)', '40'],
    ['Without an answer in time', '5'],
    ['Whose connection was reset', '3'],
  ]);
});

it('counts the answers of the whole run by how long they took, without the empty ends', () => {
  const latencyHeat = {
    edgesMs: [1, 10, 100],
    columns: [
      { tMs: 100, counts: [0, 3, 0, 0] },
      { tMs: 200, counts: [0, 4, 0, 2] },
    ],
  };
  expect(latencyClasses(fixtureRun({ latencyHeat }))).toEqual([
    { label: '1 ms to 10 ms', count: 7 },
    { label: '10 ms to 100 ms', count: 0 },
    { label: 'over 100 ms', count: 2 },
  ]);
  const older = fixtureRun();
  delete older.latencyHeat;
  expect(latencyClasses(older)).toEqual([]);
});
