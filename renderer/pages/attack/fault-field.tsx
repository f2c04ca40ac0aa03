import { ActionIcon, Button, Group, Input, NativeSelect, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useId, useState } from 'react';
import {
  FAULT_EVENTS,
  FAULT_FORM,
  MAX_FAULTS,
  faultText,
  type FaultEvent,
  type FaultSpec,
} from '../../../contract/fault-syntax.ts';
import { faultKind, kindsOn, targetTitle } from '../../../contract/faults.ts';
import { AllowedNumber, FaultValueInput, Seconds } from '../../components/fault-inputs.tsx';
import { notifyDone } from '../../components/notify.tsx';
import { copyText } from '../../lib/copy-text.ts';
import {
  MOMENTS,
  NEW_FAULT,
  momentKind,
  readFaults,
  targetsOf,
  timelineOf,
  withKind,
  writeFaults,
  type MomentKind,
  type TimelineLane,
} from '../../lib/fault-draft.ts';
import { sentence } from '../../lib/format.ts';
import { useData } from '../../store/store.ts';
import classes from './fault-field.module.css';

interface FaultFieldProps {
  readonly label: string;
  readonly value: string;
  readonly error: string | undefined;
  /** Of an attack that has one. */
  readonly durationMs: number | undefined;
  readonly onChange: (value: string) => void;
}

/** The faults of an attack: as a list with a timeline, or as the text that the terminal takes. */
export function FaultField({ label, value, error, durationMs, onChange }: FaultFieldProps) {
  const [isText, setText] = useState(false);
  const labelId = useId();
  const services = useData((data) => data.services) ?? [];
  const members = (useData((data) => data.cluster.backends) ?? []).flatMap((one) =>
    (one.members ?? []).map(({ name }) => name),
  );
  const faults = readFaults(value);
  const change = (next: readonly FaultSpec[]): void => onChange(writeFaults(next));
  const copy = async (): Promise<void> => {
    if (await copyText(value)) notifyDone('The faults are on the clipboard.');
  };
  return (
    <div className={classes.field} role="group" aria-labelledby={labelId}>
      <Group justify="space-between" gap="xs">
        <Input.Label component="p" id={labelId}>
          {label}
          {value === '' && !isText ? <span className="muted"> – nothing is broken on purpose</span> : null}
        </Input.Label>
        <Group gap="xs">
          {value === '' ? null : (
            <Button variant="subtle" color="gray" size="compact-sm" onClick={() => void copy()}>
              Copy as text
            </Button>
          )}
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            disabled={isText && faults === undefined}
            onClick={() => setText(!isText && faults !== undefined)}
          >
            {isText || !faults ? 'Edit as list' : 'Edit as text'}
          </Button>
          {isText || !faults ? null : (
            <Button
              variant="default"
              size="compact-sm"
              leftSection={<IconPlus size="0.9375rem" aria-hidden />}
              disabled={faults.length >= MAX_FAULTS}
              onClick={() => change([...faults, NEW_FAULT])}
            >
              Add a fault
            </Button>
          )}
        </Group>
      </Group>
      {isText || !faults ? (
        <TextInput
          aria-label="Faults as text"
          description={sentence(FAULT_FORM)}
          value={value}
          error={error}
          onChange={(event) => {
            setText(true);
            onChange(event.currentTarget.value);
          }}
        />
      ) : (
        <>
          {faults.length === 0 ? null : (
            <ol className={classes.rows} aria-label="Planned faults">
              {faults.map((fault, at) => (
                // A fault has no name: two may be the same.
                <FaultRow
                  key={at}
                  number={at + 1}
                  fault={fault}
                  serviceIds={services.map(({ id }) => id)}
                  members={members}
                  onChange={(next) => change(faults.with(at, next))}
                  onRemove={() => change(faults.toSpliced(at, 1))}
                />
              ))}
            </ol>
          )}
          <Timeline faults={faults} lanes={timelineOf(faults, durationMs)} />
          {error === undefined ? null : <Input.Error>{error}</Input.Error>}
        </>
      )}
    </div>
  );
}

interface FaultRowProps {
  readonly number: number;
  readonly fault: FaultSpec;
  readonly serviceIds: readonly string[];
  readonly members: readonly string[];
  readonly onChange: (fault: FaultSpec) => void;
  readonly onRemove: () => void;
}

function FaultRow({ number, fault, serviceIds, members, onChange, onRemove }: FaultRowProps) {
  const { kind, target, value, at, lengthMs } = fault;
  const name = (what: string): string => `Fault ${number}: ${what}`;
  return (
    <li className={classes.row}>
      <span className={classes.number} aria-hidden>
        {number}
      </span>
      <NativeSelect
        aria-label={name('what is done')}
        title={faultKind(kind).help}
        value={kind}
        data={[...new Set([...kindsOn(members.length > 0), kind])].map((one) => ({
          value: one,
          label: faultKind(one).title,
        }))}
        onChange={(event) => {
          const chosen = kindsOn(true).find((one) => one === event.currentTarget.value);
          if (chosen) onChange(withKind(fault, chosen));
        }}
      />
      <NativeSelect
        aria-label={name('target')}
        value={target}
        data={targetsOf(fault, serviceIds, members).map((one) => ({ value: one, label: targetTitle(one) }))}
        onChange={(event) => onChange({ ...fault, target: event.currentTarget.value })}
      />
      <NativeSelect
        aria-label={name('how its moment is said')}
        value={momentKind(at)}
        data={Object.entries(MOMENTS).map(([moment, { label }]) => ({ value: moment, label }))}
        onChange={(event) =>
          onChange({ ...fault, at: MOMENTS[event.currentTarget.value as MomentKind].start })
        }
      />
      {'event' in at ? (
        <NativeSelect
          aria-label={name('event')}
          value={at.event}
          data={Object.entries(FAULT_EVENTS).map(([one, label]) => ({ value: one, label }))}
          onChange={(event) => onChange({ ...fault, at: { event: event.currentTarget.value as FaultEvent } })}
        />
      ) : 'percent' in at ? (
        <AllowedNumber
          aria-label={name('share of the requests')}
          suffix=" % of requests"
          value={at.percent}
          max={100}
          step={5}
          onChange={(percent) => onChange({ ...fault, at: { percent } })}
        />
      ) : (
        <Seconds
          aria-label={name('seconds after the first request')}
          valueMs={at.afterMs}
          onChange={(afterMs) => onChange({ ...fault, at: { afterMs } })}
        />
      )}
      <span className={classes.more}>
        {value === undefined ? null : (
          <FaultValueInput
            kind={kind}
            value={value}
            prefix={name('')}
            onChange={(next) => onChange({ ...fault, value: next })}
          />
        )}
        {lengthMs === undefined ? null : (
          <Seconds
            aria-label={name('seconds that it lasts')}
            prefix="for "
            valueMs={lengthMs}
            minMs={1}
            onChange={(next) => onChange({ ...fault, lengthMs: next })}
          />
        )}
      </span>
      <ActionIcon aria-label={`Remove fault ${number}`} onClick={onRemove}>
        <IconTrash size="1.0625rem" aria-hidden />
      </ActionIcon>
    </li>
  );
}

interface TimelineProps {
  readonly faults: readonly FaultSpec[];
  readonly lanes: readonly TimelineLane[];
}

/** The faults in the order in which they come, as far as that is known beforehand. */
function Timeline({ faults, lanes }: TimelineProps) {
  if (lanes.length === 0) return null;
  const percent = (share: number): string => `${Math.min(100, share * 100)}%`;
  return (
    <div
      className={classes.timeline}
      role="img"
      aria-label={`Timeline: ${faults.map((fault, at) => `${at + 1}. ${faultText(fault)}`).join(', ')}`}
    >
      {lanes.map(({ title, ticks, marks }) => (
        <div key={title} className={classes.lane}>
          <p>{title}</p>
          <div className={classes.axis}>
            {ticks.map(([at, label]) => (
              <span key={label} className={classes.tick} style={{ left: percent(at) }}>
                {label}
              </span>
            ))}
            {marks.map(({ number, from, to = from, row }) => (
              <span
                key={number}
                className={classes.mark}
                style={{ left: percent(from), width: percent(to - from), gridRow: row + 1 }}
              >
                <b>{number}</b>
              </span>
            ))}
          </div>
        </div>
      ))}
    </div>
  );
}
