import { Button, Group, SegmentedControl, Slider } from '@mantine/core';
import { IconPlayerPauseFilled, IconPlayerPlayFilled, IconPlayerTrackNextFilled } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { figure, whole } from '../../../contract/format.ts';
import type { Witness } from '../../../contract/witness.ts';
import { WitnessTable } from '../../components/witness-table.tsx';

const TICK_MS = 50;
const SLOWED = [1_000, 100, 10];
/** A moment that takes longer than this to replay begins at a higher speed: in a stall, seconds go by. */
const PATIENCE_MS = 180_000;

/** The witness of a double sale: all of it, or replayed slowed, each statement when its time has come. */
export function Moment({ witness }: { readonly witness: Witness }) {
  const times = witness.events.map(({ tMs = 0 }) => tMs);
  const endMs = times.at(-1) ?? 0;
  const [slowed, setSlowed] = useState(() => SLOWED.find((one) => one * endMs <= PATIENCE_MS) ?? 10);
  const [atMs, setAtMs] = useState(endMs);
  const [isOn, setOn] = useState(false);
  const isPlaying = isOn && atMs < endMs;
  useEffect(() => {
    if (!isPlaying) return;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const passedMs = (now - lastMs) / slowed;
      lastMs = now;
      setAtMs((before) => Math.min(endMs, before + passedMs));
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [isPlaying, slowed, endMs]);
  const play = () => {
    if (atMs >= endMs) setAtMs(times[0] ?? 0);
    setOn(!isPlaying);
  };
  const step = () => {
    setOn(false);
    setAtMs(times.find((one) => one > atMs) ?? times[0] ?? 0);
  };
  const shown = times.filter((one) => one <= atMs).length;
  return (
    <>
      <Group my="sm">
        <Button
          leftSection={
            isPlaying ? (
              <IconPlayerPauseFilled size="1rem" aria-hidden />
            ) : (
              <IconPlayerPlayFilled size="1rem" aria-hidden />
            )
          }
          onClick={play}
        >
          {isPlaying ? 'Pause' : 'Replay'}
        </Button>
        <Button
          variant="default"
          leftSection={<IconPlayerTrackNextFilled size="1rem" aria-hidden />}
          onClick={step}
        >
          Step
        </Button>
        <SegmentedControl
          aria-label="Slowed"
          value={String(slowed)}
          onChange={(value) => setSlowed(Number(value))}
          data={SLOWED.map((one) => ({ value: String(one), label: `slowed ${whole(one)} times` }))}
        />
        <p className="muted" aria-live="polite">
          Event {shown} of {times.length}
        </p>
        <Slider
          flex={1}
          miw="10rem"
          aria-label="Moment of the replay"
          thumbLabel="Moment of the replay"
          min={0}
          max={endMs}
          step={endMs / 1_000 || 1}
          value={atMs}
          label={(value) => `+${figure(value)} ms`}
          onChange={(value) => {
            setOn(false);
            setAtMs(value);
          }}
        />
      </Group>
      <WitnessTable {...witness} shown={shown} />
    </>
  );
}
