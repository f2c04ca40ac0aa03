import { expect, it } from 'vitest';
import { fixtureParts, fixtureRun } from '../tests/support/run-fixture.ts';
import { attackSettingsSchema } from './attack-settings.ts';
import { causeFacts, repeatCommand, saleRows, sendingRows } from './run-figures.ts';

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
    ['Asked for', '1,500 requests/s for 6 seconds'],
    ['Rate sent', '1,500 requests/s'],
    ['First request of every connection within', '38 ms'],
    ['Last request left after', '6 s'],
  ]);
  const [asked] = sendingRows(fixtureRun());
  expect(asked).toEqual(['Asked for', '10,000 requests at once, over 1,000 connections']);
});

it('has the command that repeats a run, with its faults and its seed', () => {
  expect(repeatCommand(fixtureRun({ attack: rate }))).toBe(
    'flashgrid demo --provider native --gateways 1 --workers 1 --rate 1500 --duration 6 --seed 7 --fault kill:workers@25% --fault pause:redis@2s+600ms',
  );
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
