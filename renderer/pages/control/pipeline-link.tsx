import { memo } from 'react';
import { formatCompact } from '../../lib/format.ts';
import { strengthOf } from '../../lib/strength.ts';
import classes from './pipeline-link.module.css';

interface LinkProps {
  readonly perSec: number;
  readonly label: string;
  readonly note?: string | undefined;
}

/** The way from one part to the next, with how many take it each second. */
export function Link({ perSec, label, note }: LinkProps) {
  return <Way rate={formatCompact(perSec)} strength={strengthOf(perSec)} label={label} note={note} />;
}

interface WayProps {
  readonly rate: string;
  readonly strength: number;
  readonly label: string;
  readonly note: string | undefined;
}

/** Drawn anew only when what is read changes: the rate itself moves with every sample. */
const Way = memo(function Way({ rate, strength, label, note }: WayProps) {
  return (
    <div className={classes.link} data-strength={strength}>
      <p className={classes.rate}>
        <strong>{rate}</strong>
        <span>/s</span>
      </p>
      <Stream />
      <div className={classes.below}>
        <p>{label}</p>
        {note === undefined ? null : <p className={classes.note}>{note}</p>}
      </div>
    </div>
  );
});

interface ForkProps {
  readonly decidedPerSec: number;
  readonly committedPerSec: number;
}

/** The worker asks Redis for every buyer, and writes to Postgres for winners only. */
export function Fork({ decidedPerSec, committedPerSec }: ForkProps) {
  return (
    <div className={classes.fork}>
      <Link perSec={decidedPerSec} label="every buyer" />
      <Link perSec={committedPerSec} label="winners only" />
    </div>
  );
}

function Stream() {
  return (
    <span className={classes.stream} aria-hidden>
      <span className={classes.track}>
        <span className={classes.flow} />
      </span>
      <span className={classes.tip} />
    </span>
  );
}
