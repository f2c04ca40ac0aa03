import { describe, expect, it } from 'vitest';
import { RARE_PATH_IDS } from '../services/shared/rare-paths.ts';
import { coverageSince, coverageText, mergeCoverages } from './coverage.ts';

describe('the rare paths of a run', () => {
  it('are those that were taken since it began', () => {
    const before = { saleRebuilt: 2, ackLost: 1 };
    const now = { saleRebuilt: 2, ackLost: 4, frameNacked: 7 };
    expect(coverageSince(before, now)).toEqual({ ackLost: 3, frameNacked: 7 });
    expect(coverageSince(now, now)).toEqual({});
  });

  it('are one line, the most frequent first', () => {
    const coverage = { ackLost: 3, frameNacked: 1_200, saleRebuilt: 1 };
    expect(coverageText(coverage)).toBe(
      'Rare paths taken: frame refused by RabbitMQ (1,200), ack lost (3), sale rebuilt (1).',
    );
    expect(coverageText(coverage, 1)).toBe('Rare paths taken: frame refused by RabbitMQ (1,200) and 2 more.');
    expect(coverageText({})).toBe('No rare path was taken.');
    expect(coverageText(undefined)).toBeUndefined();
  });

  it('of another version are shown by their id', () => {
    expect(coverageText({ ofTomorrow: 2, ackLost: 1 })).toBe(
      'Rare paths taken: ofTomorrow (2), ack lost (1).',
    );
  });
});

describe('the rare paths of many runs', () => {
  it('are added up, and those that none took are told', () => {
    const { taken, never } = mergeCoverages([
      { ackLost: 1, ofTomorrow: 9 },
      undefined,
      { ackLost: 2, keyReused: 1 },
    ]);
    expect(taken).toEqual({ ackLost: 3, keyReused: 1 });
    expect(never).toEqual(RARE_PATH_IDS.filter((id) => id !== 'ackLost' && id !== 'keyReused'));
    expect(mergeCoverages([]).never).toEqual(RARE_PATH_IDS);
  });
});
