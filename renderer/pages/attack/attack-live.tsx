import { Button } from '@mantine/core';
import { IconFileText, IconListDetails, IconPlayerStopFilled, IconRepeat } from '@tabler/icons-react';
import { Suspense, lazy, useCallback, useEffect, useMemo } from 'react';
import { callOrNotify } from '../../client.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Loading } from '../../components/loading.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { useShortcutsEnabled } from '../../lib/shortcut-preference.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './attack-live.module.css';
import { LiveFigures } from './live-figures.tsx';
import { SafeTransactions } from './safe-transactions.tsx';
import { Story } from './story.tsx';

// Recharts is the largest part of the page; the story and the figures are there before it.
const LiveCharts = lazy(async () => ({ default: (await import('../../charts/live-charts.tsx')).LiveCharts }));

/** One attack, from the opening of the sale to the verdict. */
export function AttackLive() {
  const stock = useData((data) => data.attack?.settings.stock) ?? 0;
  const isActive = useData((data) => isAttackActive(data.attack)) ?? false;
  // The form that was here before may have been scrolled.
  useEffect(() => {
    document.getElementById('main')?.scrollTo(0, 0);
  }, []);
  return (
    <div className={classes.page}>
      <Story>
        <Actions />
      </Story>
      <div className={classes.columns}>
        <section className={`panel ${classes.charts}`} aria-label="The attack over time">
          <Suspense fallback={<Loading label="Unrolling the charts…" />}>
            <LiveCharts stock={stock} isOver={!isActive} onPick={openLogs} />
          </Suspense>
          <p className={classes.hint}>Click a moment to read what every part logged then.</p>
        </section>
        <div className={classes.side}>
          <SafeTransactions />
          <LiveFigures />
        </div>
      </div>
    </div>
  );
}

/** Reads the start when it is asked: a function of each run's own would have all charts drawn anew as it begins. */
function openLogs(tMs: number): void {
  const attack = useControl.getState().data?.attack;
  const startedAtMs = attack?.firstRequestAtMs ?? attack?.startedAtMs ?? 0;
  navigate('logs', undefined, { at: String(Math.round(startedAtMs + tMs)) });
}

function Actions() {
  const isActive = useData((data) => isAttackActive(data.attack)) ?? false;
  const runId = useData((data) => data.attack?.runId) ?? '';
  const startedAtMs = useData((data) => data.attack?.startedAtMs) ?? 0;
  const settings = useData((data) => data.attack?.settings);
  const isSaved = useData((data) => data.attack !== undefined && !isAttackActive(data.attack)) ?? false;
  const canRepeat = useData((data) => data.cluster.state === 'running') ?? false;
  const isOnline = useIsOnline();
  const [areShortcutsOn] = useShortcutsEnabled();
  const repeat = useCallback(() => {
    if (settings) void callOrNotify('attack.launch', settings);
  }, [settings]);
  const setUp = useCallback(() => useControl.setState({ dismissedRunId: runId }), [runId]);
  const shortcuts = useMemo(
    () =>
      isActive
        ? []
        : [
            { key: 'l', label: 'Launch again', run: () => canRepeat && repeat() },
            { key: 'n', label: 'Set up another', run: setUp },
          ],
    [isActive, canRepeat, repeat, setUp],
  );
  useShortcuts(shortcuts, areShortcutsOn);
  if (isActive) {
    return (
      <ConfirmButton
        variant="default"
        leftSection={<IconPlayerStopFilled size="1rem" aria-hidden />}
        disabled={!isOnline}
        title="Call the attack off?"
        text="The generators stop at once. Its record is kept, marked as cancelled; a half run proves nothing, so there is no verdict."
        confirmLabel="Call it off"
        onConfirm={() => callOrNotify('attack.cancel', {})}
      >
        Call off
      </ConfirmButton>
    );
  }
  return (
    <>
      {isSaved ? (
        <Button
          component="a"
          variant="default"
          href={hrefOf('runs', runId)}
          leftSection={<IconFileText size="1.0625rem" aria-hidden />}
        >
          Full record
        </Button>
      ) : null}
      <Button
        component="a"
        variant="default"
        href={hrefOf('logs', undefined, { at: String(startedAtMs) })}
        leftSection={<IconListDetails size="1.0625rem" aria-hidden />}
      >
        Logs
      </Button>
      <Button
        variant="default"
        disabled={!canRepeat || !isOnline}
        leftSection={<IconRepeat size="1.0625rem" aria-hidden />}
        onClick={repeat}
      >
        Again
      </Button>
      <Button onClick={setUp}>Set up another</Button>
    </>
  );
}
