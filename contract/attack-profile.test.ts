import { describe, expect, it } from 'vitest';
import { parseProfile, profileFileName, profileOf, profileText } from './attack-profile.ts';
import { ATTACK_PRESETS } from './attack-presets.ts';
import { attackSettingsSchema } from './attack-settings.ts';

const json = (change: object) =>
  JSON.stringify({ format: 'flashgrid.profile/1', name: 'a', attack: { profile: 'burst' }, ...change });

describe('the file of a saved attack', () => {
  it.each(ATTACK_PRESETS.map((preset) => [preset.title, preset.settings] as const))(
    'comes back as it was: %s',
    (name, settings) => {
      const profile = profileOf(name, attackSettingsSchema.parse(settings));
      expect(parseProfile(profileText(profile), 'x')).toEqual(profile);
    },
  );

  it('takes the defaults for what it leaves out', () => {
    expect(parseProfile(json({}), 'x').attack).toMatchObject({ requests: 10_000, stock: 20 });
  });

  it('has a name that every system takes', () => {
    expect(['Two clicks, 10 %', '../..', 'ÄÖ'].map(profileFileName)).toEqual([
      'two-clicks-10.flashgrid.json',
      'attack.flashgrid.json',
      'attack.flashgrid.json',
    ]);
  });

  it.each([
    ['{', 'my.flashgrid.json: the file is not JSON.'],
    ['5', 'my.flashgrid.json: the file must be an object.'],
    [json({ format: 'flashgrid.profile/2' }), 'format is flashgrid.profile/2: a newer FlashGrid wrote it'],
    [json({ format: 'other' }), 'format must be'],
    [json({ name: '' }), 'name must'],
    [json({ attack: { profile: 'burst', stock: 0 } }), 'attack.stock must be at least 1.'],
    [json({ attack: { profile: 'staged', stages: '5' } }), 'attack.stages "5": write RATE@LENGTH'],
    [json({ attack: { profile: 'burst', ratePerSec: 5 } }), 'attack has no field "ratePerSec"'],
  ])('is refused with the field that is wrong: %s', (text, message) => {
    expect(() => parseProfile(text, 'my.flashgrid.json')).toThrow(message);
  });
});
