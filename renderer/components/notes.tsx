import { plural } from '../../contract/format.ts';
import classes from './notes.module.css';

interface NotesProps {
  readonly notes: readonly string[];
  /** How many are shown; the rest is only counted. */
  readonly most?: number;
}

/** Notes beside a verdict: pauses, causes, a late load generator. */
export function Notes({ notes, most = Infinity }: NotesProps) {
  if (notes.length === 0) return null;
  const left = notes.length - most;
  return (
    <ul className={classes.notes} aria-label="Notes">
      {notes.slice(0, most).map((note) => (
        <li key={note}>{note}</li>
      ))}
      {left > 0 ? <li>{plural(left, 'more note')} in the full record.</li> : null}
    </ul>
  );
}
