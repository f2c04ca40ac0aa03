import { Checkbox, NumberInput, SegmentedControl, TextInput } from '@mantine/core';
import { HOWS, type CampaignDraft } from '../../lib/campaign-draft.ts';
import classes from './campaign.module.css';

interface CampaignFieldProps {
  readonly draft: CampaignDraft;
  readonly problems: Readonly<Partial<Record<keyof CampaignDraft, string>>>;
  /** Thresholds, which the search for the limit needs. */
  readonly slo: string;
  /** Two set-ups are of our own shop. */
  readonly isOtherShop: boolean;
  readonly onChange: (change: Partial<CampaignDraft>) => void;
  readonly onSlo: (slo: string) => void;
}

/** How often the attack is made, and what is looked for. */
export function CampaignField(props: CampaignFieldProps) {
  const { draft, problems, slo, isOtherShop, onChange, onSlo } = props;
  const { kind } = draft;
  const number = (field: 'count' | 'fromPerSec' | 'toPerSec' | 'confirm', label: string) => (
    <NumberInput
      label={label}
      value={draft[field]}
      error={problems[field]}
      thousandSeparator=","
      allowNegative={false}
      clampBehavior="none"
      onChange={(value) => onChange({ [field]: value })}
    />
  );
  return (
    <div className={classes.field}>
      <SegmentedControl
        aria-label="How the attack is made"
        value={kind}
        data={Object.entries(HOWS)
          .filter(([value]) => !(isOtherShop && value === 'versus'))
          .map(([value, label]) => ({ value, label }))}
        onChange={(value) => onChange({ kind: value as CampaignDraft['kind'] })}
      />
      <div className={classes.fields}>
        {kind === 'repeat' || kind === 'versus'
          ? number('count', kind === 'versus' ? 'Attacks of each set-up' : 'Attacks')
          : null}
        {kind === 'repeat' ? (
          <Checkbox
            label="Compare with the baseline"
            checked={draft.isAgainstBaseline}
            onChange={(event) => onChange({ isAgainstBaseline: event.currentTarget.checked })}
          />
        ) : null}
        {kind === 'versus' ? (
          <TextInput
            label="What differs in set-up B"
            placeholder="--workers 3 --connections 100"
            value={draft.other}
            error={problems.other}
            onChange={(event) => onChange({ other: event.currentTarget.value })}
          />
        ) : null}
        {kind === 'limit' ? (
          <>
            {number('fromPerSec', 'From, requests a second')}
            {number('toPerSec', 'To, requests a second')}
            {number('confirm', 'Attacks at each end')}
            <TextInput
              label="Thresholds, one of which breaks"
              placeholder="p99<50ms errors<0.1%"
              value={slo}
              error={problems.kind}
              onChange={(event) => onSlo(event.currentTarget.value)}
            />
          </>
        ) : null}
      </div>
    </div>
  );
}
