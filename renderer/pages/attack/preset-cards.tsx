import type { AttackPreset, AttackSettingsInput } from '../../../contract/attack-settings.ts';
import classes from './preset-cards.module.css';

interface PresetCardsProps {
  readonly presets: readonly AttackPreset[];
  /** The preset that the form equals, if any. */
  readonly selected: AttackPreset | undefined;
  readonly onSelect: (settings: AttackSettingsInput) => void;
}

/** The presets; the first is the flagship attack. */
export function PresetCards({ presets, selected, onSelect }: PresetCardsProps) {
  return (
    <fieldset className={classes.cards}>
      <legend className="sr-only">Presets</legend>
      {presets.map((preset, index) => (
        <label key={preset.id} className={classes.card} data-first={index === 0}>
          <input
            type="radio"
            name="preset"
            value={preset.id}
            checked={selected === preset}
            onChange={() => onSelect(preset.settings)}
          />
          <span className={classes.title}>{preset.title}</span>
          <span className={classes.summary}>{preset.summary}</span>
        </label>
      ))}
    </fieldset>
  );
}
