import { expect, it } from 'vitest';
import { ATTACK_PRESETS } from '../../contract/attack-presets.ts';
import { attackSettingsSchema } from '../../contract/attack-settings.ts';
import { profileOf } from '../../contract/attack-profile.ts';
import { parseDraft, presetOf, presetsWith, toDraft } from './attack-draft.ts';

it.each(ATTACK_PRESETS.map((preset) => [preset.id, preset] as const))(
  'keeps the preset %s through the form',
  (id, { settings }) => {
    const draft = toDraft(settings);
    expect(parseDraft(draft)).toEqual({ ok: true, settings: attackSettingsSchema.parse(settings) });
    expect(presetOf(draft)?.id).toBe(id);
  },
);

it('is no preset any more once a field differs', () => {
  expect(presetOf({ ...toDraft({ profile: 'burst' }), stock: 21 })).toBeUndefined();
});

it('knows an attack that the user saved, after those that are ready-made', () => {
  const attack = attackSettingsSchema.parse({ profile: 'staged', stages: '5..50@10s', stock: 9 });
  const presets = presetsWith([profileOf('My ramp', attack)]);
  expect(presetOf(toDraft(attack), presets)).toEqual({
    id: 'saved:My ramp',
    title: 'My ramp',
    summary: 'Saved: up to 50 buyers a second over 10 s, 9 tickets.',
    settings: attack,
    isMinor: true,
  });
  expect(presetOf(toDraft(attack))).toBeUndefined();
  expect(presets).toHaveLength(ATTACK_PRESETS.length + 1);
});

it('names every field that is wrong', () => {
  const parsed = parseDraft({ ...toDraft({ profile: 'burst' }), requests: '', stock: 0, connections: 1e9 });
  expect(parsed.ok ? [] : Object.keys(parsed.errors).sort()).toEqual(['connections', 'requests', 'stock']);
});

it('leaves an empty threshold out', () => {
  const parsed = parseDraft({ ...toDraft({ profile: 'burst' }), maxP99Ms: '', minRps: 500 });
  expect(parsed).toMatchObject({ ok: true, settings: { minRps: 500 } });
  expect(parsed.ok && 'maxP99Ms' in parsed.settings).toBe(false);
});
