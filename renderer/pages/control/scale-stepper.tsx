import { ActionIcon, Group } from '@mantine/core';
import { IconMinus, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { ServiceRole } from '../../../contract/state.ts';
import { callOrNotify } from '../../client.ts';
import { useData, useIsOnline } from '../../store/store.ts';
import classes from './scale-stepper.module.css';

const MAX = 16;

const captions = {
  gateway: ['gateway', 'gateways'],
  worker: ['worker', 'workers'],
} as const;

/** Adds or removes one gateway or worker. */
export function ScaleStepper({ role }: { readonly role: ServiceRole }) {
  const count =
    useData(
      ({ services }) =>
        services.filter(
          (service) => service.role === role && service.state !== 'stopped' && service.state !== 'stopping',
        ).length,
    ) ?? 0;
  const isUp = useData((data) => data.cluster.state === 'running') ?? false;
  const isOnline = useIsOnline();
  const [isBusy, setBusy] = useState(false);
  const scale = async (next: number): Promise<void> => {
    setBusy(true);
    await callOrNotify('services.scale', { role, count: next });
    setBusy(false);
  };
  const isDisabled = !isUp || !isOnline || isBusy;
  return (
    <div>
      <Group gap={4} wrap="nowrap" role="group" aria-label={`Number of ${role}s`}>
        <ActionIcon
          variant="default"
          size="md"
          aria-label={`One ${role} less`}
          disabled={isDisabled || count <= 1}
          onClick={() => void scale(count - 1)}
        >
          <IconMinus size="0.9375rem" aria-hidden />
        </ActionIcon>
        <output className={classes.count} aria-label={`${role}s`}>
          {count}
        </output>
        <ActionIcon
          variant="default"
          size="md"
          aria-label={`One ${role} more`}
          disabled={isDisabled || count >= MAX}
          onClick={() => void scale(count + 1)}
        >
          <IconPlus size="0.9375rem" aria-hidden />
        </ActionIcon>
      </Group>
      <p className={`muted small ${classes.caption}`}>{captions[role][count === 1 ? 0 : 1]}</p>
    </div>
  );
}
