import { whole, plural } from '../../../contract/format.ts';
import { Button, Group, Modal } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import type { CommandOutput } from '../../../contract/contract.ts';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { formatUptime } from '../../lib/format.ts';
import classes from './dead-letters.module.css';

type Listed = CommandOutput<'queue.listDead'>;
/** The frames to act on; all of them if missing. */
type Choice = { readonly ids?: string[] };

/** The number of dead letters; opens their list. */
export function DeadLetters({ count }: { readonly count: number }) {
  const [isOpen, setOpen] = useState(false);
  if (count === 0 && !isOpen) return null;
  return (
    <>
      <Button
        className={classes.open ?? ''}
        variant="subtle"
        color="red"
        size="compact-xs"
        onClick={() => setOpen(true)}
      >
        {plural(count, 'dead letter')}
      </Button>
      {isOpen ? <DeadLettersDialog onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function DeadLettersDialog({ onClose }: { readonly onClose: () => void }) {
  const [listed, setListed] = useState<Listed>();
  const load = useCallback(async () => {
    const found = await callOrNotify('queue.listDead', {});
    if (found) setListed(found);
  }, []);
  useEffect(() => void load(), [load]);
  const replay = async (choice: Choice): Promise<void> => {
    await callOrNotify('queue.replayDead', choice);
    await load();
  };
  const drop = async (choice: Choice): Promise<void> => {
    await callOrNotify('queue.dropDead', choice);
    await load();
  };
  return (
    <Modal opened onClose={onClose} title="Dead-letter queue" size="xl">
      <p className="muted">
        Frames that no worker could decide; their buyers have no outcome. Remove the cause, then replay them.
        Each frame is decided once.
      </p>
      {listed === undefined ? (
        <p className="muted">Reading the dead-letter queue…</p>
      ) : listed.total === 0 ? (
        <p>The dead-letter queue is empty.</p>
      ) : (
        <>
          <ul className={classes.list}>
            {listed.frames.map((frame, at) => (
              // Two messages may have one id.
              <li key={`${frame.id} ${at}`}>
                <div className={classes.what}>
                  <p className="mono">{frame.id}</p>
                  <p className="muted small">{factsOf(frame)}</p>
                  <p>{frame.reason}</p>
                </div>
                {frame.canReplay ? (
                  <ReplayButton name={frame.id} onConfirm={() => replay({ ids: [frame.id] })} />
                ) : null}
                <DropButton name={frame.id} onConfirm={() => drop({ ids: [frame.id] })} />
              </li>
            ))}
          </ul>
          <Group justify="flex-end" gap="sm" mt="md">
            {listed.total > listed.frames.length ? (
              <p className="muted">and {whole(listed.total - listed.frames.length)} more</p>
            ) : null}
            {listed.frames.some(({ canReplay }) => canReplay) ? (
              <ReplayButton onConfirm={() => replay({})} />
            ) : null}
            <DropButton onConfirm={() => drop({})} />
          </Group>
        </>
      )}
    </Modal>
  );
}

interface ActionProps {
  /** The frame's id; missing for all frames. */
  readonly name?: string;
  readonly onConfirm: () => Promise<void>;
}

function ReplayButton({ name, onConfirm }: ActionProps) {
  return (
    <ConfirmButton
      size="compact-sm"
      variant="default"
      {...(name === undefined ? {} : { name: `Replay ${name}` })}
      title={name === undefined ? 'Replay all frames?' : 'Replay the frame?'}
      text="It goes back into the queue, and a worker decides it. What was granted before stays granted."
      confirmLabel="Replay"
      onConfirm={onConfirm}
    >
      {name === undefined ? 'Replay all' : 'Replay'}
    </ConfirmButton>
  );
}

function DropButton({ name, onConfirm }: ActionProps) {
  return (
    <ConfirmButton
      size="compact-sm"
      variant="default"
      color="red"
      {...(name === undefined ? {} : { name: `Drop ${name}` })}
      title={name === undefined ? 'Drop all frames?' : 'Drop the frame?'}
      text="It is removed for good, and its buyers never get an outcome. Units that Redis set aside for them are on sale again."
      confirmLabel="Drop"
      onConfirm={onConfirm}
    >
      {name === undefined ? 'Drop all' : 'Drop'}
    </ConfirmButton>
  );
}

function factsOf({ saleId, reservations, diedAtMs }: Listed['frames'][number]): string {
  return [
    saleId === undefined ? undefined : `sale ${saleId}`,
    reservations === undefined ? undefined : plural(reservations, 'reservation'),
    diedAtMs === undefined ? undefined : `dead for ${formatUptime(Math.max(0, Date.now() - diedAtMs))}`,
  ]
    .filter(Boolean)
    .join(' · ');
}
