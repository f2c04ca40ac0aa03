import type { AttackPreset } from '../../../contract/attack-presets.ts';
import type { AttackSettingsInput } from '../../../contract/attack-settings.ts';
import classes from './preset-cards.module.css';

interface PresetCardsProps {
  readonly presets: readonly AttackPreset[];
  /** The preset that the form equals, if any. */
  readonly selected: AttackPreset | undefined;
  readonly onSelect: (settings: AttackSettingsInput) => void;
}

/** The presets; the first is the flagship attack. Minor ones are a line of titles, so that the form stays on the screen. */
export function PresetCards({ presets, selected, onSelect }: PresetCardsProps) {
  const card = (preset: AttackPreset) => (
    <label
      key={preset.id}
      className={`${classes.card} ${preset.isMinor ? classes.minor : ''}`}
      data-first={preset === presets[0]}
      title={preset.isMinor ? preset.summary : undefined}
    >
      <input
        type="radio"
        name="preset"
        value={preset.id}
        checked={selected === preset}
        onChange={() => onSelect(preset.settings)}
      />
      <span className={classes.title}>{preset.title}</span>
      {preset.isMinor ? null : <span className={classes.summary}>{preset.summary}</span>}
    </label>
  );
  return (
    <fieldset className={classes.cards}>
      <legend className="sr-only">Presets</legend>
      {presets.filter(({ isMinor }) => !isMinor).map(card)}
      <div className={classes.line}>{presets.filter(({ isMinor }) => isMinor).map(card)}</div>
    </fieldset>
  );
}
