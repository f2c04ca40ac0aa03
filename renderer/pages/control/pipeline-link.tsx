import { compact } from '../../../contract/format.ts';
import { LINKS, type LinkName } from '../../../contract/links.ts';
import { memo } from 'react';
import { BreakIt } from '../../components/break-it.tsx';
import { BREAKABLE_LINKS, linkPlace } from '../../lib/fault-places.ts';
import { strengthOf } from '../../lib/strength.ts';
import classes from './pipeline-link.module.css';

interface LinkProps {
  readonly id: LinkName;
  readonly perSec: number;
  readonly label: string;
  readonly note?: string | undefined;
}

/** The connection from one part to the next, with its rate. */
export function Link({ id, perSec, label, note }: LinkProps) {
  return <Stream id={id} rate={compact(perSec)} strength={strengthOf(perSec)} label={label} note={note} />;
}

interface StreamProps {
  readonly id: LinkName;
  readonly rate: string;
  readonly strength: number;
  readonly label: string;
  readonly note: string | undefined;
}

/** Memoised on the rounded rate: the rate itself changes with every sample. */
const Stream = memo(function Stream({ id, rate, strength, label, note }: StreamProps) {
  return (
    <div className={classes.link} data-strength={strength}>
      <p className={classes.rate}>
        <strong>{rate}</strong>
        <span>/s</span>
      </p>
      <span className={classes.stream} aria-hidden>
        <span className={classes.track}>
          <span className={classes.flow} />
        </span>
        <span className={classes.tip} />
      </span>
      <div className={`muted tiny ${classes.below}`}>
        <p>{label}</p>
        {note === undefined ? null : <p className="faint">{note}</p>}
        {BREAKABLE_LINKS.includes(id) ? (
          <BreakIt name={LINKS[id].title} places={() => [linkPlace(id)]} />
        ) : null}
      </div>
    </div>
  );
});

interface ForkProps {
  readonly decidedPerSec: number;
  readonly committedPerSec: number;
}

/** The worker asks Redis about every reservation, and writes only the granted ones to Postgres. */
export function Fork({ decidedPerSec, committedPerSec }: ForkProps) {
  return (
    <div className={classes.fork}>
      <Link id="worker-redis" perSec={decidedPerSec} label="decided" />
      <Link id="worker-postgres" perSec={committedPerSec} label="granted" />
    </div>
  );
}
