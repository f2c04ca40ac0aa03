import { ActionIcon, Group, Tooltip, useComputedColorScheme } from '@mantine/core';
import { IconKeyboard, IconMoon, IconPresentation, IconPresentationOff, IconSun } from '@tabler/icons-react';
import { changeSettings } from '../lib/change-settings.ts';
import { formatDuration } from '../lib/format.ts';
import { lostBackends } from '../lib/lost-backends.ts';
import { useNow } from '../lib/use-now.ts';
import { useData, useIsOnline } from '../store/store.ts';
import classes from './header.module.css';
import { StateMark, type Tone } from './state-mark.tsx';

const clusterWords = {
  stopped: { tone: 'idle', text: 'Cluster stopped' },
  starting: { tone: 'busy', text: 'Cluster starting' },
  running: { tone: 'good', text: 'Cluster running' },
  stopping: { tone: 'busy', text: 'Cluster stopping' },
  failed: { tone: 'bad', text: 'Cluster failed' },
} as const satisfies Record<string, { tone: Tone; text: string }>;

/** The cluster runs, but a backend does not serve; the banner names it. */
const UNHEALTHY = { tone: 'bad', text: 'Cluster unhealthy' } as const;

export function Header({ onHelp }: { readonly onHelp: () => void }) {
  const cluster = useData((data) => data.cluster);
  const isProjectorMode = useData((data) => data.settings.isProjectorMode) ?? false;
  const isOnline = useIsOnline();
  const scheme = useComputedColorScheme('dark');
  const now = useNow(1_000);
  const isUnhealthy = useData((data) => lostBackends(data.cluster) !== undefined) ?? false;
  const words = cluster ? (isUnhealthy ? UNHEALTHY : clusterWords[cluster.state]) : undefined;
  const uptime =
    cluster?.state === 'running' && cluster.startedAtMs !== undefined ? now - cluster.startedAtMs : undefined;
  return (
    <section className={classes.header} aria-label="State and tools">
      <p className={classes.name}>FlashGrid</p>
      <p className={classes.claim}>Sell twenty tickets to ten thousand people. Never twenty-one.</p>
      <div className={classes.state}>
        {words && isOnline ? (
          <StateMark tone={words.tone}>
            {words.text}
            {uptime === undefined ? '' : ` · ${formatDuration(uptime)}`}
          </StateMark>
        ) : (
          <StateMark tone={isOnline ? 'idle' : 'bad'}>Offline</StateMark>
        )}
      </div>
      <Group className={classes.tools} gap={4} wrap="nowrap">
        <Tooltip label={isProjectorMode ? 'Leave projector mode (p)' : 'Projector mode (p)'}>
          <ActionIcon
            size="lg"
            aria-label="Projector mode"
            aria-pressed={isProjectorMode}
            disabled={!isOnline}
            onClick={() => void changeSettings('projector')}
          >
            {isProjectorMode ? <IconPresentationOff size="1.25rem" /> : <IconPresentation size="1.25rem" />}
          </ActionIcon>
        </Tooltip>
        <Tooltip label={scheme === 'dark' ? 'Light theme (t)' : 'Dark theme (t)'}>
          <ActionIcon
            size="lg"
            aria-label={scheme === 'dark' ? 'Switch to the light theme' : 'Switch to the dark theme'}
            disabled={!isOnline}
            onClick={() => void changeSettings('theme')}
          >
            {scheme === 'dark' ? <IconSun size="1.25rem" /> : <IconMoon size="1.25rem" />}
          </ActionIcon>
        </Tooltip>
        <Tooltip label="Keyboard shortcuts (?)">
          <ActionIcon size="lg" aria-label="Keyboard shortcuts" onClick={onHelp}>
            <IconKeyboard size="1.25rem" />
          </ActionIcon>
        </Tooltip>
      </Group>
    </section>
  );
}
