import { ATTACK_PRESETS, type AttackSettingsInput } from '../../../contract/attack-settings.ts';
import classes from './preset-cards.module.css';

interface PresetCardsProps {
  /** Id of the preset that the form equals. */
  readonly selected: string | undefined;
  readonly onSelect: (settings: AttackSettingsInput) => void;
}

/** Ready-made attacks, the one on the poster first. */
export function PresetCards({ selected, onSelect }: PresetCardsProps) {
  return (
    <fieldset className={classes.cards}>
      <legend className="sr-only">Ready-made attacks</legend>
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
