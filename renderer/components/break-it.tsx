import { ActionIcon, Button, Group, Menu, NativeSelect, UnstyledButton } from '@mantine/core';
import { IconChevronRight, IconHammer } from '@tabler/icons-react';
import { useRef, useState, type ReactNode } from 'react';
import { faultTitle } from '../../contract/fault-syntax.ts';
import { faultKind, memberOf, targetTitle, valueOf } from '../../contract/faults.ts';
import type { ServiceRole } from '../../contract/state.ts';
import { callOrNotify } from '../client.ts';
import { roleOf, type FaultChoice, type FaultPlace, type RunningServices } from '../lib/fault-places.ts';
import { useControl, useData, useIsOnline } from '../store/store.ts';
import { AnchoredMenu } from './anchored-menu.tsx';
import classes from './break-it.module.css';
import { ConfirmDialog } from './confirm-button.tsx';
import { FaultValueInput, Seconds } from './fault-inputs.tsx';
import { notifyDone } from './notify.tsx';

interface BreakItProps {
  /** Of the place: `Redis`. Without it, the button has a text, and stands for the whole cluster. */
  readonly name?: string;
  /** Asked when the menu is opened. Of several, one is chosen first. */
  readonly places: (services: RunningServices) => readonly FaultPlace[];
  readonly isDisabled?: boolean;
  readonly isSmall?: boolean;
  /** What the button of a place shows in the place of a hammer, with its tooltip. */
  readonly content?: ReactNode;
  readonly title?: string;
}

/** A button with the menu of all faults that its places allow. Each asks for its length, and for confirmation. */
export function BreakIt(props: BreakItProps) {
  const { name, places, isDisabled = false, isSmall = false, content, title } = props;
  const isUp = useData(({ cluster }) => cluster.state === 'running') ?? false;
  const isOnline = useIsOnline();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const [choice, setChoice] = useState<FaultChoice>();
  const closeDialog = (): void => {
    setChoice(undefined);
    button.current?.focus();
  };
  const label = name === undefined ? 'Break it' : `Break ${name}`;
  const attributes = {
    'aria-haspopup': 'menu',
    'aria-expanded': isOpen,
    disabled: isDisabled || !isUp || !isOnline,
    onClick: () => setOpen(true),
  } as const;
  return (
    <>
      {content !== undefined ? (
        <UnstyledButton ref={button} title={title} {...attributes}>
          {content}
        </UnstyledButton>
      ) : name === undefined ? (
        <Button
          ref={button}
          size={isSmall ? 'compact-sm' : 'sm'}
          variant="default"
          leftSection={<IconHammer size="1rem" aria-hidden />}
          {...attributes}
        >
          {label}
        </Button>
      ) : (
        <ActionIcon
          ref={button}
          size="sm"
          variant="subtle"
          color="gray"
          aria-label={label}
          title={label}
          {...attributes}
        >
          <IconHammer size="1rem" aria-hidden />
        </ActionIcon>
      )}
      {isOpen && button.current ? (
        <BreakMenu
          label={label}
          button={button.current}
          places={places(runningServices())}
          onPick={setChoice}
          onClose={() => setOpen(false)}
        />
      ) : null}
      {choice ? <FaultDialog choice={choice} onClose={closeDialog} /> : null}
    </>
  );
}

function runningServices(): RunningServices {
  const services = useControl.getState().data?.services ?? [];
  const idsOf = (wanted: ServiceRole) =>
    services.filter(({ role, state }) => role === wanted && state === 'running').map(({ id }) => id);
  const backends = useControl.getState().data?.cluster.backends ?? [];
  const hasMembers = backends.some(({ members = [] }) => members.length > 0);
  return { gateway: idsOf('gateway'), worker: idsOf('worker'), hasMembers };
}

interface BreakMenuProps {
  readonly label: string;
  readonly button: HTMLButtonElement;
  readonly places: readonly FaultPlace[];
  readonly onPick: (choice: FaultChoice) => void;
  readonly onClose: () => void;
}

/** The faults of a place. Of several, one is chosen first; not in submenus, which have no room in a narrow window. */
function BreakMenu({ label, button, places, onPick, onClose }: BreakMenuProps) {
  const [place, setPlace] = useState(places.length === 1 ? places[0] : undefined);
  return (
    // Another menu for the faults, so that the focus moves to its first item.
    <AnchoredMenu key={place?.name} {...{ label, button, onClose }}>
      {place
        ? place.choices.map((choice) => (
            <Menu.Item key={choice.kind} className={classes.item} onClick={() => onPick(choice)}>
              <strong>{faultKind(choice.kind).title}</strong>
              <span>{faultKind(choice.kind).help}</span>
            </Menu.Item>
          ))
        : places.map((one) => (
            <Menu.Item
              key={one.name}
              closeMenuOnClick={false}
              rightSection={<IconChevronRight size="1rem" aria-hidden />}
              onClick={() => setPlace(one)}
            >
              {one.name}
            </Menu.Item>
          ))}
    </AnchoredMenu>
  );
}

/** What must hold whatever is done to a part. */
const PROMISES: Readonly<Record<string, string>> = {
  rabbitmq:
    'While RabbitMQ is away, the gateway answers 503. Every confirmed message must still be there afterwards.',
  redis: 'Workers rebuild from Postgres what Redis loses; nothing may be sold twice.',
  postgres: 'Workers keep their frames and retry until Postgres is back; no ticket is stored twice.',
  gateway: 'Requests in flight at a gateway get no answer; the audit looks up what became of them.',
  worker:
    'The frames of a worker stay in RabbitMQ until they are decided: by another worker, or when it is back.',
};

interface FaultDialogProps {
  readonly choice: FaultChoice;
  readonly onClose: () => void;
}

function FaultDialog({ choice: { kind, targets }, onClose }: FaultDialogProps) {
  const { title, help, lastsMs } = faultKind(kind);
  const [target, setTarget] = useState(targets[0] ?? '');
  const [value, setValue] = useState(valueOf(kind, undefined) ?? undefined);
  const [lengthMs, setLengthMs] = useState(lastsMs);
  const order = {
    kind,
    target,
    ...(value === undefined ? {} : { value }),
    ...(lengthMs === undefined ? {} : { lengthMs }),
  };
  const what = `${title} ${targetTitle(target)}`;
  const promise = PROMISES[memberOf(target)?.role ?? roleOf(target)];
  return (
    <ConfirmDialog
      title={`${what}?`}
      text={
        <>
          <p>
            {help} {promise}
          </p>
          <Group mt="md" grow>
            {targets.length > 1 ? (
              <NativeSelect
                label="What it hits"
                value={target}
                data={targets.map((one) => ({ value: one, label: targetTitle(one) }))}
                onChange={(event) => setTarget(event.currentTarget.value)}
              />
            ) : null}
            {value === undefined ? null : <FaultValueInput kind={kind} value={value} onChange={setValue} />}
            {lengthMs === undefined ? null : (
              <Seconds label="Length" valueMs={lengthMs} minMs={1} onChange={setLengthMs} />
            )}
          </Group>
        </>
      }
      confirmLabel={what}
      onConfirm={async () => {
        if (await callOrNotify('faults.breakPart', order)) notifyDone(`On purpose: ${faultTitle(order)}.`);
      }}
      onClose={onClose}
    />
  );
}
