import { ATTACK_PRESETS, type AttackSettingsInput } from '../../../contract/attack-settings.ts';
import classes from './preset-cards.module.css';

interface PresetCardsProps {
  /** Id of the preset that the form equals, if any. */
  readonly selected: string | undefined;
  readonly onSelect: (settings: AttackSettingsInput) => void;
}

/** The presets; the first is the flagship attack. */
export function PresetCards({ selected, onSelect }: PresetCardsProps) {
  return (
    <fieldset className={classes.cards}>
      <legend className="sr-only">Presets</legend>
      {ATTACK_PRESETS.map((preset, index) => (
        <label key={preset.id} className={classes.card} data-first={index === 0}>
          <input
            type="radio"
            name="preset"
            value={preset.id}
            checked={selected === preset.id}
            onChange={() => onSelect(preset.settings)}
          />
          <span className={classes.title}>{preset.title}</span>
          <span className={classes.summary}>{preset.summary}</span>
        </label>
      ))}
    </fieldset>
  );
}
