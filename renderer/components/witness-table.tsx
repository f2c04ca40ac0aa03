import { WITNESS_KINDS, eventTime, type Witness } from '../../contract/witness.ts';
import classes from './witness-table.module.css';

interface WitnessTableProps extends Witness {
  /** How many events have happened so far; the others keep their places. All by default. */
  readonly shown?: number;
}

/** The events of a witness in two lanes, from top to bottom. In a narrow place the lanes come below each other. */
export function WitnessTable({ contradiction, lanes, events, shown = events.length }: WitnessTableProps) {
  return (
    <div className={classes.place}>
      <table className={classes.witness}>
        <caption>
          <span>Witness:</span> {contradiction}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lanes.map((lane) => (
              <th key={lane} scope="col">
                {lane}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {events.map((event, at) => (
            // Events have no names, and never change.
            <tr key={at} data-now={at === shown - 1 && shown < events.length} data-later={at >= shown}>
              <th scope="row">{eventTime(event)}</th>
              {lanes.map((lane, place) =>
                place === event.lane ? (
                  <td key={lane} className={classes.event} data-lane={lane}>
                    <b>{WITNESS_KINDS[event.kind].label}</b> {event.text}
                  </td>
                ) : (
                  <td key={lane} />
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
