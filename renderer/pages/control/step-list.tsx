import { Group, Progress } from '@mantine/core';
import { byteSize, milliseconds } from '../../../contract/format.ts';
import { IconCheck, IconCircleDashed, IconMinus, IconX } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import type { Step } from '../../../contract/backends.ts';
import { useNow } from '../../lib/use-now.ts';
import classes from './step-list.module.css';

const icons = { done: IconCheck, failed: IconX, skipped: IconMinus, waiting: IconCircleDashed } as const;

/** The steps of a start with their times, and the progress of an image pull. */
export function StepList({ steps }: { readonly steps: readonly Step[] }) {
  const isRunning = steps.some(({ state }) => state === 'running');
  const now = useNow(isRunning ? 100 : 60_000);
  const current = steps.findLast(({ state }) => state === 'running' || state === 'failed')?.id;
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    const item = list.current?.querySelector<HTMLElement>('[data-current="true"]');
    // Scrolls the list only: the page must not move under the pointer.
    if (list.current && item) list.current.scrollTop = item.offsetTop - list.current.clientHeight / 2;
  }, [current]);
  return (
    <ol ref={list} className={classes.steps} aria-label="Steps">
      {steps.map((step) => (
        <li key={step.id} className={classes.step} data-state={step.state} data-current={step.id === current}>
          <span className={classes.mark} aria-hidden>
            <Mark state={step.state} />
          </span>
          <div>
            <p>
              {step.title}
              <span className="sr-only">, {step.state === 'skipped' ? 'not needed' : step.state}</span>
            </p>
            {step.detail === undefined ? null : <p className="muted small wrapped">{step.detail}</p>}
            {step.progress && step.state === 'running' ? <Pull progress={step.progress} /> : null}
          </div>
          <span className={`muted small ${classes.time}`}>{timeOf(step, now)}</span>
        </li>
      ))}
    </ol>
  );
}

function Mark({ state }: Pick<Step, 'state'>) {
  if (state === 'running') return <span className={classes.pulse} />;
  const Icon = icons[state];
  return <Icon size="0.9375rem" stroke={state === 'waiting' ? 2 : 2.5} />;
}

function timeOf(step: Step, now: number): string {
  if (step.durationMs !== undefined && step.state !== 'skipped') return milliseconds(step.durationMs);
  if (step.state === 'running' && step.startedAtMs !== undefined) {
    return `${(Math.max(0, now - step.startedAtMs) / 1_000).toFixed(1)} s`;
  }
  return '';
}

function Pull({ progress }: { readonly progress: NonNullable<Step['progress']> }) {
  const { doneBytes, totalBytes, bytesPerSec } = progress;
  return (
    <Group gap="sm" wrap="nowrap" pt={4}>
      <Progress
        aria-label="Downloaded"
        flex={1}
        size="sm"
        value={totalBytes === undefined ? 100 : (100 * doneBytes) / Math.max(1, totalBytes)}
        animated={totalBytes === undefined}
      />
      <span className={`muted tiny ${classes.time}`}>
        {byteSize(doneBytes)}
        {totalBytes === undefined ? '' : ` of ${byteSize(totalBytes)}`}
        {bytesPerSec === undefined ? '' : ` · ${byteSize(bytesPerSec)}/s`}
      </span>
    </Group>
  );
}
