import { Button, Collapse, NativeSelect, NumberInput, SegmentedControl } from '@mantine/core';
import { IconBolt, IconChevronDown } from '@tabler/icons-react';
import { useCallback, useMemo, useState } from 'react';
import { ATTACK_LIMITS, ATTACK_PRESETS, totalRequests } from '../../../contract/attack-settings.ts';
import { callOrNotify } from '../../client.ts';
import { parseDraft, presetOf, toDraft, type AttackDraft } from '../../lib/attack-draft.ts';
import { formatCompact, formatCount, plural } from '../../lib/format.ts';
import { useShortcutsEnabled } from '../../lib/shortcut-preference.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './attack-setup.module.css';
import { PresetCards } from './preset-cards.tsx';

const [flagship] = ATTACK_PRESETS;

/** Which crowd, and how many tickets. */
export function AttackSetup() {
  const lastSettings = useData((data) => data.attack?.settings);
  const clusterState = useData((data) => data.cluster.state);
  const isOnline = useIsOnline();
  const [draft, setDraft] = useState<AttackDraft>(() =>
    toDraft(lastSettings ?? flagship?.settings ?? { profile: 'burst' }),
  );
  const [isMoreOpen, setMoreOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [areShortcutsOn] = useShortcutsEnabled();
  const parsed = useMemo(() => parseDraft(draft), [draft]);
  const errors = parsed.ok ? {} : parsed.errors;
  const needsStart = clusterState === 'stopped' || clusterState === 'failed';
  const canLaunch = isOnline && parsed.ok && !isBusy && clusterState !== 'stopping';

  const launch = useCallback(async () => {
    if (!parsed.ok) return;
    if (clusterState === 'running') {
      setBusy(true);
      await callOrNotify('attack.launch', parsed.settings);
      setBusy(false);
      return;
    }
    if (needsStart) {
      const started = callOrNotify('cluster.start', {});
      // Only once the start is on its way: a cluster that failed earlier would take the attack with it.
      const unsubscribe = useControl.subscribe(({ data }) => {
        if (data?.cluster.state !== 'starting' && data?.cluster.state !== 'running') return;
        unsubscribe();
        useControl.setState({ pendingLaunch: parsed.settings });
      });
      await started;
      unsubscribe();
      return;
    }
    useControl.setState({ pendingLaunch: parsed.settings });
  }, [parsed, clusterState, needsStart]);
  const shortcuts = useMemo(
    () => [{ key: 'l', label: 'Launch', run: () => void (canLaunch && launch()) }],
    [canLaunch, launch],
  );
  useShortcuts(shortcuts, areShortcutsOn);

  const set = <Key extends keyof AttackDraft>(key: Key, value: AttackDraft[Key]): void =>
    setDraft((before) => ({ ...before, [key]: value }));
  const number = (
    key:
      | 'requests'
      | 'connections'
      | 'stock'
      | 'ratePerSec'
      | 'durationSec'
      | 'perBuyerLimit'
      | 'seed'
      | 'timeoutMs'
      | 'drainTimeoutMs'
      | 'processes'
      | 'killWorkersAtPercent'
      | 'maxP99Ms'
      | 'minRps',
    label: string,
    extra: {
      readonly min?: number;
      readonly max?: number;
      readonly description?: string;
      readonly step?: number;
    },
  ) => (
    <NumberInput
      label={label}
      value={draft[key]}
      onChange={(value) => set(key, value)}
      error={errors[key]}
      thousandSeparator={key === 'seed' ? '' : ','}
      allowNegative={false}
      clampBehavior="none"
      {...extra}
    />
  );

  return (
    <div className={classes.page}>
      <div className={classes.title}>
        <h1>Send in the crowd</h1>
        <p className="muted">
          Every buyer is a real request. When the dust settles, every single one is accounted for.
        </p>
      </div>
      <PresetCards selected={presetOf(draft)} onSelect={(settings) => setDraft(toDraft(settings))} />
      <section className={`panel ${classes.form}`} aria-label="Settings of the attack">
        <div className={classes.fields}>
          {draft.profile === 'burst' ? (
            number('requests', 'Buyers', { ...ATTACK_LIMITS.requests, step: 1_000 })
          ) : (
            <>
              {number('ratePerSec', 'Buyers a second', { ...ATTACK_LIMITS.ratePerSec, step: 100 })}
              {number('durationSec', 'Seconds', ATTACK_LIMITS.durationSec)}
            </>
          )}
          {number('stock', 'Tickets', { min: 1, max: 10_000_000 })}
          {number('connections', 'Connections at once', { ...ATTACK_LIMITS.connections, step: 100 })}
        </div>
        <div>
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            className={classes.more ?? ''}
            aria-expanded={isMoreOpen}
            rightSection={<IconChevronDown size="1rem" aria-hidden data-open={isMoreOpen} />}
            onClick={() => setMoreOpen((isOpen) => !isOpen)}
          >
            {isMoreOpen ? 'Fewer settings' : 'More settings'}
          </Button>
          <Collapse expanded={isMoreOpen}>
            <div className={`${classes.fields ?? ''} ${classes.moreFields ?? ''}`}>
              <div>
                <p className={classes.label} id="profile-label">
                  Shape of the crowd
                </p>
                <SegmentedControl
                  fullWidth
                  aria-labelledby="profile-label"
                  value={draft.profile}
                  data={[
                    { value: 'burst', label: 'All at once' },
                    { value: 'sustained', label: 'Steady rate' },
                  ]}
                  onChange={(value) => set('profile', value === 'sustained' ? 'sustained' : 'burst')}
                />
              </div>
              <NativeSelect
                label="Once sold out"
                value={draft.mode}
                data={[
                  { value: 'queue', label: 'Still queue everybody' },
                  { value: 'shed', label: 'Reject once sold out' },
                ]}
                onChange={(event) => set('mode', event.currentTarget.value)}
              />
              {number('perBuyerLimit', 'Most tickets for one buyer', { min: 1, max: 10 })}
              {number('seed', 'Seed', { min: 0, description: 'The same seed, the same buyers.' })}
              {number('timeoutMs', 'Time-out of a request, ms', { ...ATTACK_LIMITS.timeoutMs, step: 1_000 })}
              {number('drainTimeoutMs', 'Time for the queue to empty, ms', {
                min: 1_000,
                max: 3_600_000,
                step: 1_000,
              })}
              {number('processes', 'Generator processes', {
                ...ATTACK_LIMITS.processes,
                description: 'Empty: FlashGrid chooses.',
              })}
              {number('killWorkersAtPercent', 'Kill the workers at, % of the requests', {
                ...ATTACK_LIMITS.killWorkersAtPercent,
                description: 'Empty: nothing is broken on purpose.',
              })}
              {number('maxP99Ms', 'Fail above a p99 of, ms', {
                min: 0,
                description: 'Empty: no such limit.',
              })}
              {number('minRps', 'Fail below, requests a second', {
                min: 0,
                description: 'Empty: no such limit.',
              })}
            </div>
          </Collapse>
        </div>
        <div className={classes.launch}>
          <p className={classes.summary} aria-live="polite">
            {parsed.ok ? (
              <Summary settings={parsed.settings} />
            ) : (
              'Some fields need another look before this can start.'
            )}
          </p>
          <Button
            size="xl"
            className={classes.button ?? ''}
            leftSection={<IconBolt size="1.375rem" aria-hidden />}
            disabled={!canLaunch}
            loading={isBusy}
            onClick={() => void launch()}
          >
            {needsStart ? 'Start the cluster and launch' : 'Launch attack'}
          </Button>
        </div>
      </section>
    </div>
  );
}

function Summary({ settings }: { readonly settings: Parameters<typeof totalRequests>[0] }) {
  const buyers = totalRequests(settings);
  const perTicket = buyers / settings.stock;
  return (
    <>
      <strong>{plural(buyers, 'buyer')}</strong> want <strong>{plural(settings.stock, 'ticket')}</strong>
      {perTicket > 1
        ? `: ${formatCompact(perTicket)} for each one. ${formatCount(buyers - settings.stock)} will be refused.`
        : ': there is one for everybody.'}
    </>
  );
}
