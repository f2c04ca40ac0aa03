import { Button, Group, Kbd, NativeSelect, Stack } from '@mantine/core';
import { useEffect, useState } from 'react';
import { DESIGNS } from '../../../contract/designs.ts';
import {
  RACE_BUYERS,
  RACE_DESIGNS,
  RACE_HINTS,
  raceDesignSchema,
  raceVerdict,
  sessionText,
  type OpenRace,
  type RaceBuyer,
  type RaceDesign,
  type RaceState,
} from '../../../contract/race.ts';
import { call, callOrNotify } from '../../client.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './race-page.module.css';

/** ms between two looks: a statement that waited may have gone on. */
const LOOK_MS = 1_000;

/** The visitor is both buyers of one unit, and sends the real statements of a design one by one. */
export default function RacePage() {
  const [race, setRace] = useRace();
  const [chosen, setChosen] = useState<RaceDesign>('read-then-write');
  const [isBusy, setBusy] = useState(false);
  const isRunning = useData((data) => data.cluster.state === 'running') ?? false;
  const isOnline = useIsOnline();
  const open = race?.is === 'open' ? race : undefined;
  const start = async (design: RaceDesign): Promise<void> => {
    setBusy(true);
    const runs = useControl.getState().data?.cluster.state === 'running';
    if (runs || (await callOrNotify('cluster.start', {})))
      setRace((await callOrNotify('race.open', { design })) ?? race);
    setBusy(false);
  };
  const step = async (buyer: RaceBuyer): Promise<void> => {
    const next = await callOrNotify('race.step', { buyer });
    if (next) setRace(next);
  };
  useShortcuts(
    open
      ? RACE_BUYERS.map((buyer) => ({ key: buyer.toLowerCase(), label: '', run: () => void step(buyer) }))
      : [],
  );
  const reset = async (): Promise<void> => {
    const next = await callOrNotify('race.reset', {});
    if (next) setRace(next);
  };
  return (
    <Stack maw="90rem" mx="auto">
      <div>
        <h1>You are the race</h1>
        <p className="muted">
          One ticket and two buyers, and you are both. Each press sends the next statement of a buyer to the
          real Postgres or Redis.
        </p>
      </div>
      <section className={`panel ${classes.box}`} aria-label="The design">
        <Group align="flex-end">
          <NativeSelect
            className={classes.design}
            label="Design"
            value={open?.design ?? chosen}
            data={RACE_DESIGNS.map((value) => ({ value, label: DESIGNS[value].title }))}
            disabled={isBusy}
            onChange={(event) => {
              const design = raceDesignSchema.parse(event.currentTarget.value);
              setChosen(design);
              if (open) void start(design);
            }}
          />
          {open ? (
            <Button variant="default" onClick={() => void reset()} loading={isBusy} disabled={!isOnline}>
              Start anew
            </Button>
          ) : (
            <Button onClick={() => void start(chosen)} loading={isBusy} disabled={!isOnline}>
              {isRunning ? 'Open the race' : 'Start the cluster and the race'}
            </Button>
          )}
        </Group>
        <p>{RACE_HINTS[open?.design ?? chosen]}</p>
        {race?.is === 'closed' && race.why !== undefined ? <p role="status">{race.why}</p> : null}
      </section>
      {open ? <OpenRaceView race={open} onStep={(buyer) => void step(buyer)} /> : null}
    </Stack>
  );
}

/** The race as the control centre has it; a page that goes closes it. */
function useRace() {
  const [race, setRace] = useState<RaceState>();
  const isOnline = useIsOnline();
  useEffect(() => {
    if (!isOnline) return;
    let timer: number | undefined;
    let isGone = false;
    const look = async (): Promise<void> => {
      const result = await call('race.getRace', {});
      if (isGone) return;
      setRace(
        result.ok ? result.value : { is: 'closed', why: `${result.error.message} ${result.error.fix}` },
      );
      timer = window.setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      isGone = true;
      window.clearTimeout(timer);
    };
  }, [isOnline]);
  useEffect(() => {
    const close = (): void => void call('race.close', {});
    // A closed tab unmounts nothing.
    window.addEventListener('pagehide', close);
    return () => {
      window.removeEventListener('pagehide', close);
      close();
    };
  }, []);
  return [race, setRace] as const;
}

const OTHER = { A: 'B', B: 'A' } as const;

function OpenRaceView({
  race,
  onStep,
}: {
  readonly race: OpenRace;
  readonly onStep: (buyer: RaceBuyer) => void;
}) {
  const verdict = raceVerdict(race);
  return (
    <>
      <div
        role="status"
        className={`panel ${classes.box} ${classes.verdict}`}
        data-verdict={{ running: undefined, oversold: 'fail', soldOnce: 'pass' }[verdict.is]}
      >
        {verdict.text}
      </div>
      <div className={classes.lanes}>
        {RACE_BUYERS.map((buyer) => (
          <Lane key={buyer} race={race} buyer={buyer} onStep={() => onStep(buyer)} />
        ))}
      </div>
    </>
  );
}

interface LaneProps {
  readonly race: OpenRace;
  readonly buyer: RaceBuyer;
  readonly onStep: () => void;
}

/** What a buyer has sent and seen, and the button that sends the next statement. */
function Lane({ race, buyer, onStep }: LaneProps) {
  const session = race.sessions[buyer];
  const { lines, next, waits } = session;
  return (
    <section className={`panel ${classes.box}`} aria-label={`Buyer ${buyer}`}>
      <h2>Buyer {buyer}</h2>
      <p className={waits ? classes.waits : 'muted'}>{sessionText(session, OTHER[buyer])}</p>
      <Button
        fullWidth
        size="lg"
        disabled={next === undefined}
        onClick={onStep}
        rightSection={<Kbd>{buyer.toLowerCase()}</Kbd>}
      >
        Send as buyer {buyer}
      </Button>
      {next === undefined ? null : <p className={`mono ${classes.next}`}>{next}</p>}
      <ol className={classes.lines} reversed>
        {[...lines].reverse().map(({ text, answer }, at) => (
          // Lines have no names, and are only added.
          <li key={lines.length - at}>
            <span className="mono">{text}</span>
            <span className={`mono ${classes.answer}`} data-error={answer?.startsWith('ERROR') ?? false}>
              {answer ?? (waits ? `waits for buyer ${OTHER[buyer]}` : 'no answer yet')}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
