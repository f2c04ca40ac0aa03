import { expect, it } from 'vitest';
import { ATTACK_PRESETS, attackSettingsSchema } from '../../contract/attack-settings.ts';
import { parseDraft, presetOf, toDraft } from './attack-draft.ts';

it.each(ATTACK_PRESETS.map((preset) => [preset.id, preset] as const))(
  'keeps the preset %s through the form',
  (id, { settings }) => {
    const draft = toDraft(settings);
    expect(parseDraft(draft)).toEqual({ ok: true, settings: attackSettingsSchema.parse(settings) });
    expect(presetOf(draft)).toBe(id);
  },
);

it('is no preset any more once a field differs', () => {
  expect(presetOf({ ...toDraft({ profile: 'burst' }), stock: 21 })).toBeUndefined();
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
