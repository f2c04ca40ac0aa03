import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  UsageError,
  quoted,
  readAttack,
  readCommandLine,
  settingsAsOptions,
  shellWords,
} from './attack-options.ts';
import { ATTACK_PRESETS } from './attack-presets.ts';
import { ATTACK_SETTINGS, attackSettingsSchema } from './attack-settings.ts';
import { contradictionOf } from './attack-contradictions.ts';

/** An attack whose every setting may differ from its default. */
const attacks = fc
  .constantFrom('burst', 'sustained', 'staged')
  .chain((profile) => {
    const fields = ATTACK_SETTINGS.filter((one) => (one.profile ?? profile) === profile).map((setting) => {
      const { field, choices, isText, min = 0, max = 0, whenEmpty } = setting;
      const texts = {
        FAULT: ['kill:worker@25%', 'pause:redis@1s+2s kill:workers@40%'],
        BEHAVIOUR: ['double-click:10%', 'bot:1% leaves:2.5% slow-reader:50%'],
        SLO: ['p99<50ms', 'p99<50ms rps>20 unknown==0'],
        STAGES: ['0..2000@30s,2000@1m', '5@1500ms'],
      };
      const values: fc.Arbitrary<number | string> = choices
        ? fc.constantFrom(...Object.keys(choices))
        : isText
          ? fc.constantFrom(...texts[isText])
          : fc.integer({ min: Math.ceil(min), max });
      return [field, whenEmpty === undefined ? values : fc.option(values, { nil: undefined })] as const;
    });
    return fc.record({ profile: fc.constant(profile), ...Object.fromEntries(fields) });
  })
  .map((settings) => attackSettingsSchema.parse(settings))
  .filter((one) => one.profile !== 'burst' || one.connections <= one.requests)
  .filter((one) => contradictionOf(one) === undefined);

describe('an attack as a command line', () => {
  it('is read as it was written, whatever its settings', () => {
    fc.assert(
      fc.property(attacks, (attack) => {
        const read = readCommandLine(`npm run flashgrid -- attack ${settingsAsOptions(attack)}`);
        expect(read).toEqual({ settings: attack, others: [] });
      }),
      { numRuns: 200 },
    );
  });

  it('lets every leader die when nothing but a highly available cluster is asked for', () => {
    expect(readAttack({ ha: true }).faults).toMatch(/^kill:rabbitmq-leader@.* kill:worker@/);
    expect(readAttack({ ha: true, stock: '9' })).toMatchObject({ profile: 'sustained', stock: 9 });
    expect(readAttack({ ha: true, requests: '10' }).faults).toBeUndefined();
    expect(readAttack({ ha: true, preset: 'flagship' }).faults).toBeUndefined();
    expect(readAttack({}).faults).toBeUndefined();
    const faults = Array.from(
      { length: 40 },
      (_, seed) => readAttack({ ha: true, chaos: String(seed) }).faults,
    );
    expect(faults.join(' ')).toContain('redis-primary');
  });

  it.each(ATTACK_PRESETS.map((preset) => [preset.id, preset.settings] as const))(
    'is read as it was written for the preset %s',
    (_, input) => {
      const attack = attackSettingsSchema.parse(input);
      expect(readCommandLine(`flashgrid demo ${settingsAsOptions(attack)}`).settings).toEqual(attack);
    },
  );

  it('may have several lines, and options that are no part of an attack', () => {
    const text = `flashgrid demo --provider native \\\n  --workers=3 --slo 'p99<50ms' "unknown==0" --rate 100 --duration 5 --html a.html --target shop.json`;
    expect(readCommandLine(text)).toMatchObject({
      settings: { profile: 'sustained', ratePerSec: 100, slo: 'p99<50ms unknown==0' },
      others: ['provider', 'workers', 'html', 'target'],
    });
  });

  it.each([
    ['flashgrid up', /This is no attack/],
    ["flashgrid attack --slo 'p99<50ms", /quote of the command is not closed/],
    ['flashgrid attack --requests', /--requests is empty/],
    ['flashgrid attack --requests 5 --stages 5@1s', /--requests does not go with --stages/],
    ['flashgrid attack --stages 5', /--stages: "5": write RATE@LENGTH/],
  ])('is refused: %s', (text, message) => {
    expect(() => readCommandLine(text)).toThrow(UsageError);
    expect(() => readCommandLine(text)).toThrow(message);
  });

  it('keeps every word through the quotes of a shell', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 })), (words) => {
        expect(shellWords(words.map(quoted).join(' '))).toEqual(words);
      }),
    );
  });
});
