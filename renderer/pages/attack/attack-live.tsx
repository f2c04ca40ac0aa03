import { Button, Stack } from '@mantine/core';
import { IconFileText, IconListDetails, IconPlayerStopFilled, IconRepeat } from '@tabler/icons-react';
import { Suspense, lazy, useEffect, useMemo } from 'react';
import { totalStock } from '../../../contract/attack-settings.ts';
import { callOrNotify } from '../../client.ts';
import { BreakIt } from '../../components/break-it.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { clearFailure } from '../../components/notify.tsx';
import { MembersStrip } from '../../components/members.tsx';
import { Loading } from '../../components/loading.tsx';
import { isAttackActive, isCampaignActive, isMatrixActive } from '../../lib/attack-phase.ts';
import { allPlaces } from '../../lib/fault-places.ts';
import { targetInput } from '../../lib/other-shop.ts';
import { hrefOf, navigate } from '../../lib/router.ts';
import { useStage } from '../../lib/use-stage.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './attack-live.module.css';
import { CampaignPanel } from './campaign-panel.tsx';
import { LiveMetrics } from './live-metrics.tsx';
import { SafeTransactions } from './safe-transactions.tsx';
import { Story } from './story.tsx';
import { Waiting } from './waiting.tsx';

// Recharts is the largest part of the page, so it loads after the rest.
const LiveCharts = lazy(async () => ({ default: (await import('../../charts/live-charts.tsx')).LiveCharts }));

/** One attack, from the start to the verdict. */
export function AttackLive() {
  const stock = useData((data) => data.attack && totalStock(data.attack.settings)) ?? 0;
  const isActive = useData((data) => isAttackActive(data.attack)) ?? false;
  const stage = useStage();
  // The form that this page replaces may have been scrolled.
  useEffect(() => {
    document.getElementById('main')?.scrollTo(0, 0);
    // What had to be confirmed elsewhere was confirmed.
    for (const id of ['attack.launchTarget', 'campaign.start']) clearFailure(id);
  }, []);
  return (
    <Stack className={classes.page} data-stage={stage} maw="110rem" mx="auto">
      <CampaignPanel isOnStage={stage !== 'none'} />
      <Story stage={stage}>
        <Actions />
      </Story>
      <MembersStrip />
      <div className={`columns ${classes.columns}`}>
        <section className={`panel ${classes.charts}`} aria-label="The attack over time">
          <Suspense fallback={<Loading label="Loading the charts…" />}>
            <LiveCharts stock={stock} isOver={!isActive} stage={stage} onPick={openLogs} />
          </Suspense>
          {stage !== 'none' ? null : (
            <p className={`faint tiny ${classes.hint}`}>Click a moment to read the logs around it.</p>
          )}
        </section>
        <div className={classes.side}>
          <SafeTransactions />
          {stage === 'none' ? <LiveMetrics /> : <Waiting />}
        </div>
      </div>
    </Stack>
  );
}

/** Reads the start time only when called, so that the function stays the same and no chart is drawn again. */
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
  // Only our own parts can be broken.
  const attacked = useData((data) => data.attack?.target);
  const isOtherShop = attacked !== undefined;
  const shop = useControl((state) => state.shop);
  const order = useMemo(() => targetInput(shop), [shop]);
  // The adapter of an attack that another window or a terminal made is not known here.
  const isSameShop = order?.target.file === attacked?.file && order?.target.name === attacked?.name;
  const isRunning = useData((data) => data.cluster.state === 'running') ?? false;
  const canRepeat = isOtherShop ? order !== undefined && isSameShop : isRunning;
  const isOfMatrix = useData((data) => isMatrixActive(data.matrix)) ?? false;
  const isOfCampaign = useData((data) => isCampaignActive(data.campaign)) ?? false;
  const isStopping = useData((data) => data.campaign?.phase === 'stopping') ?? false;
  const isOnline = useIsOnline();
  const repeat = (): void => {
    if (!settings) return;
    if (!isOtherShop) void callOrNotify('attack.launch', settings);
    else if (order) void callOrNotify('attack.launchTarget', { settings, ...order });
  };
  const setUp = (): void => useControl.setState({ dismissedRunId: runId });
  useShortcuts(
    isActive || isOfMatrix || isOfCampaign
      ? []
      : [
          { key: 'l', label: 'Launch again', run: () => canRepeat && repeat() },
          { key: 'n', label: 'Set up another', run: setUp },
        ],
  );
  // It is called off with its matrix, and only the matrix breaks something now.
  if (isOfMatrix)
    return (
      <Button component="a" variant="default" href={hrefOf('matrix')}>
        Part of the crash matrix
      </Button>
    );
  if (isOfCampaign)
    return (
      <Button
        variant="default"
        leftSection={<IconPlayerStopFilled size="1rem" aria-hidden />}
        disabled={!isOnline || isStopping}
        onClick={() => void callOrNotify('campaign.stop', {})}
      >
        Stop all attacks
      </Button>
    );
  if (isActive) {
    return (
      <>
        {isOtherShop ? null : <BreakIt places={allPlaces} />}
        <ConfirmButton
          variant="default"
          leftSection={<IconPlayerStopFilled size="1rem" aria-hidden />}
          disabled={!isOnline}
          title="Call the attack off?"
          text="The load generators stop at once. Half a run proves nothing, so there is no verdict; the record is kept and marked as cancelled."
          confirmLabel="Call it off"
          onConfirm={() => callOrNotify('attack.cancel', {})}
        >
          Call off
        </ConfirmButton>
      </>
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
