import { expect, it } from 'vitest';
import { attackSettingsSchema } from './attack-settings.ts';
import { titleOf } from './run-text.ts';

it('calls a run by its crowd, its tickets and what was broken', () => {
  const title = (settings: object) => titleOf(attackSettingsSchema.parse(settings));
  expect(title({ profile: 'burst' })).toBe('10,000 buyers, 20 tickets');
  expect(title({ profile: 'sustained', ratePerSec: 2_600, durationSec: 20, stock: 1 })).toBe(
    '2,600 buyers a second for 20 seconds, 1 ticket',
  );
  expect(title({ profile: 'burst', requests: 60_000, faults: 'kill:workers@25%' })).toBe(
    '60,000 buyers, 20 tickets, workers killed',
  );
});
