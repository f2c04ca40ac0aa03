import { formatCompact } from '../../lib/format.ts';
import classes from './pipeline-link.module.css';

/** Strength of a stream, 0..4: one step for each power of ten, so that a trickle and a flood look different. */
export function strengthOf(perSec: number): number {
  if (perSec < 0.5) return 0;
  return Math.min(4, Math.max(1, Math.floor(Math.log10(perSec)) + 1));
}

interface LinkProps {
  readonly perSec: number;
  readonly label: string;
  readonly note?: string | undefined;
}

/** The way from one part to the next, with how many take it each second. */
export function Link({ perSec, label, note }: LinkProps) {
  return (
    <div className={classes.link} data-strength={strengthOf(perSec)}>
      <p className={classes.rate}>
        <strong>{formatCompact(perSec)}</strong>
        <span>/s</span>
      </p>
      <Stream />
      <p className={classes.label}>{label}</p>
      {note === undefined ? null : <p className={classes.note}>{note}</p>}
    </div>
  );
}

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
