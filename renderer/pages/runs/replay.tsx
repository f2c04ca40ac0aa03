import { Button, SegmentedControl } from '@mantine/core';
import { IconPlayerPauseFilled, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { milliseconds, whole } from '../../../contract/format.ts';
import { StockBar } from '../../components/stock-bar.tsx';
import { REPLAY_SPEEDS, type Moment } from '../../lib/replay.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import classes from './replay.module.css';

/** ms between two pictures of a replay: charts of a live attack are drawn ten times a second. */
const PICTURE_MS = 50;
/** Places of the scrubber, at least as far apart as the samples of a burst. */
const PLACES = 500;
const LEAST_STEP_MS = 20;

export interface Replay {
  /** The moment that is shown; the end of the run when it is not replayed. */
  readonly tMs: number;
  readonly isPlaying: boolean;
  readonly speed: string;
  readonly seek: (tMs: number) => void;
  readonly setSpeed: (speed: string) => void;
  /** Goes on, stops, or begins anew at the end. */
  readonly toggle: () => void;
}

export function useReplay(endMs: number): Replay {
  const [tMs, setMoment] = useState(endMs);
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<string>(REPLAY_SPEEDS[0].label);
  const factor = REPLAY_SPEEDS.find(({ label }) => label === speed)?.factor ?? 1;
  const hasEnded = tMs >= endMs;
  useEffect(() => {
    if (!isPlaying) return;
    let before = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const byMs = (now - before) * factor;
      before = now;
      setMoment((from) => Math.min(endMs, from + byMs));
    }, PICTURE_MS);
    return () => clearInterval(timer);
  }, [isPlaying, factor, endMs]);
  useEffect(() => {
    if (hasEnded) setPlaying(false);
  }, [hasEnded]);
  return {
    tMs,
    isPlaying,
    speed,
    setSpeed,
    seek: (to) => setMoment(Math.min(endMs, Math.max(0, to))),
    toggle: () => {
      if (!isPlaying && hasEnded) setMoment(0);
      setPlaying(!isPlaying);
    },
  };
}

interface ReplayBarProps {
  readonly replay: Replay;
  readonly endMs: number;
  readonly moment: Moment;
}

/** Starts and stops the replay, and leads to any moment of it. */
export function ReplayBar({ replay, endMs, moment }: ReplayBarProps) {
  const { tMs, isPlaying, speed, seek, setSpeed, toggle } = replay;
  useShortcuts([{ key: 'r', label: 'Replay', run: toggle }]);
  const Icon = isPlaying ? IconPlayerPauseFilled : IconPlayerPlayFilled;
  const at = milliseconds(Math.round(tMs));
  return (
    <div role="group" aria-label="Replay" className={classes.bar}>
      <Button
        size="compact-md"
        variant="default"
        leftSection={<Icon size="1rem" aria-hidden />}
        onClick={toggle}
      >
        {isPlaying ? 'Pause' : 'Replay'}
      </Button>
      <SegmentedControl
        size="xs"
        aria-label="Speed of the replay"
        value={speed}
        data={REPLAY_SPEEDS.map(({ label }) => label)}
        onChange={setSpeed}
      />
      <input
        type="range"
        aria-label="Moment of the run"
        aria-valuetext={`${at}, ${whole(moment.queueDepth)} waiting`}
        min={0}
        max={endMs}
        step={Math.max(LEAST_STEP_MS, Math.ceil(endMs / PLACES / LEAST_STEP_MS) * LEAST_STEP_MS)}
        value={tMs}
        onChange={(event) => seek(Number(event.currentTarget.value))}
      />
      <output className={classes.time}>
        {at} of {milliseconds(endMs)}
      </output>
    </div>
  );
}

interface ReplayFiguresProps {
  readonly moment: Moment;
  readonly stock: number;
  /** The shop is not FlashGrid's own: nobody knows its queue and its stock. */
  readonly isOtherShop: boolean;
}

/** How the run stood at a moment. */
export function ReplayFigures({ moment, stock, isOtherShop }: ReplayFiguresProps) {
  const { sent, accepted, rejected, unknown, granted, refused, queueDepth, remaining } = moment;
  const rows: readonly (readonly [label: string, value: number])[] = [
    ['sent', sent],
    ['in flight', Math.max(0, sent - accepted - rejected - unknown)],
    ['accepted', accepted],
    ['rejected', rejected],
    ...(isOtherShop
      ? []
      : ([
          ['queue depth', queueDepth],
          ['granted', granted],
          ['refused', refused],
        ] as const)),
  ];
  return (
    <div className={classes.figures}>
      <dl>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{whole(value)}</dd>
          </div>
        ))}
        {isOtherShop ? null : (
          <div>
            <dt>tickets left</dt>
            <dd>{remaining === null ? 'not known' : whole(remaining)}</dd>
          </div>
        )}
      </dl>
      {isOtherShop || remaining === null ? null : (
        <StockBar stock={stock} sold={stock - remaining} label="Tickets sold by then" />
      )}
    </div>
  );
}
