/** Every setting of an attack is known everywhere: a list that somebody keeps by hand would drift. */
import { describe, expect, it } from 'vitest';
import { readAttack } from '../../contract/attack-options.ts';
import { helpText, parseTerminal } from '../../cli/args.ts';
import { ATTACK_SETTINGS, attackSettingsSchema, type AttackSetting } from '../../contract/attack-settings.ts';
import { settingLimits, settingText } from '../../contract/attack-text.ts';
import { factGroups } from '../../contract/run-text.ts';
import { exportCsv } from '../../control/export/export-csv.ts';
import { exportHtml } from '../../control/export/export-html.ts';
import { buildRunRecord } from '../../control/runs/build-run-record.ts';
import { parseDraft, toDraft } from '../../renderer/lib/attack-draft.ts';
import { fixtureParts } from '../support/run-fixture.ts';

/** Another value than the default. */
function otherValue({ choices, isText, min = 0 }: AttackSetting): number | string {
  if (isText === 'BEHAVIOUR') return 'double-click:10% leaves:2.5%';
  if (isText === 'STAGES') return '0..40@2s';
  if (isText === 'SLO') return 'p99<50ms unknown==0';
  if (isText) return 'kill:worker@25% pause:redis@1s+2s';
  return choices ? (Object.keys(choices).at(-1) ?? '') : Math.ceil(min) + 2;
}

describe.each(ATTACK_SETTINGS.map((setting) => [setting.field, setting] as const))('%s', (field, setting) => {
  const value = otherValue(setting);
  const profile = setting.profile ?? 'burst';
  // Of a steady rate, both must be given; no more sockets than requests.
  const others = {
    ...(profile === 'sustained' ? { ratePerSec: 5, durationSec: 5 } : { connections: 1 }),
    // Of one sale, no law says how the requests are dealt.
    ...(field === 'zipf' ? { sales: 2 } : {}),
  };
  const attack = attackSettingsSchema.parse({ profile, ...others, [field]: value });

  it('is set and explained by the terminal', () => {
    const argv = Object.entries({ ...others, [field]: value }).flatMap(([name, given]) => [
      `--${ATTACK_SETTINGS.find((one) => one.field === name)?.option ?? ''}`,
      String(given),
    ]);
    expect(readAttack(parseTerminal(['attack', ...argv]).values)).toEqual(attack);
    const help = helpText('attack', 100).replaceAll(/\s+/g, ' ');
    expect(help).toContain(`${setting.help} (${settingLimits(setting)})`);
  });

  it('is set by the form', () => {
    expect(parseDraft({ ...toDraft(attack), [field]: value })).toEqual({ ok: true, settings: attack });
  });

  it('has limits that the schema keeps', () => {
    if (setting.max === undefined || setting.min === undefined) return;
    const accepts = (given: number) =>
      attackSettingsSchema.safeParse({ profile, ...others, [field]: given }).success;
    expect([setting.min, setting.max].map(accepts)).toEqual([true, true]);
    expect([setting.min - 1, setting.max + 1].map(accepts)).toEqual([false, false]);
  });

  it('is told in the window and in every report that lists settings', () => {
    const record = { ...buildRunRecord(fixtureParts()), attack };
    const facts = factGroups(record).find(({ title }) => title === 'Attack')?.facts;
    expect(facts).toContainEqual([setting.label, settingText(setting, value)]);
    expect(exportHtml(record)).toContain(`<dt>${setting.label}</dt>`);
    expect(exportCsv(record)).toContain(`summary,attack.${field},${value}`);
  });
});
