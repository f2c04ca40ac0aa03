import { Button, NativeSelect, NumberInput, SegmentedControl, Stack, Switch, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { settingsSchema, type Settings } from '../../../contract/settings.ts';
import { call, callOrNotify } from '../../client.ts';
import { clearFailure, notifyDone, notifyFailure } from '../../components/notify.tsx';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import { ProviderSelect } from '../control/provider-select.tsx';
import { AccessPanel } from './access-panel.tsx';
import { AppPanel } from './app-panel.tsx';
import { DoctorPanel } from './doctor-panel.tsx';
import classes from './settings-page.module.css';
import { issueAt, withField } from './settings-draft.ts';

/** The settings, the doctor, the access data and the way to quit. */
export default function SettingsPage() {
  const saved = useData((data) => data.settings);
  if (!saved) return null;
  return (
    <Stack maw="84rem" mx="auto">
      <h1>Settings</h1>
      <div className={`columns ${classes.columns}`}>
        <SettingsForm saved={saved} />
        <Stack>
          <DoctorPanel />
          <AccessPanel />
          <AppPanel />
        </Stack>
      </div>
    </Stack>
  );
}

/** Code of the failure for a change that the user must confirm in a terminal. */
const UNCONFIRMED = 'page.needsConfirmation';

function SettingsForm({ saved }: { readonly saved: Settings }) {
  // Typed values override saved ones, so that fields that were not touched show changes from other windows.
  const [typed, setTyped] = useState<Readonly<Record<string, unknown>>>({});
  const [isBusy, setBusy] = useState(false);
  /** The saved settings when a change started to wait for its confirmation. */
  const [waitsSince, setWaitsSince] = useState<Settings>();
  const isOnline = useIsOnline();
  const isRunning =
    useData((data) => data.cluster.state !== 'stopped' && data.cluster.state !== 'failed') ?? false;
  const draft = Object.entries(typed).reduce<unknown>(
    (all, [path, value]) => withField(all, path, value),
    saved,
  );
  const parsed = settingsSchema.safeParse(draft);
  const isChanged = Object.keys(typed).length > 0;

  const isConfirmed =
    waitsSince !== undefined &&
    Object.entries(typed).every(([path, value]) => {
      const now = valueAt(saved, path);
      // A saved URL comes back without its password, so any change of it counts.
      return now === value || (path.startsWith('external.') && now !== valueAt(waitsSince, path));
    });
  useEffect(() => {
    if (!isConfirmed) return;
    setWaitsSince(undefined);
    setTyped({});
    clearFailure(UNCONFIRMED);
    notifyDone('The change is confirmed and saved.');
  }, [isConfirmed]);

  const set = (path: string, value: unknown): void => setTyped((before) => ({ ...before, [path]: value }));
  const fieldOf = (path: string): string | number => {
    const value = valueAt(draft, path);
    return typeof value === 'number' || typeof value === 'string' ? value : '';
  };
  const isOn = (path: string): boolean => valueAt(draft, path) === true;
  const error = (path: string): string | undefined =>
    parsed.success ? undefined : issueAt(parsed.error.issues, path);
  const text = (path: string, label: string, description?: string) => (
    <TextInput
      label={label}
      description={description}
      value={String(fieldOf(path))}
      error={error(path)}
      onChange={(event) => set(path, event.currentTarget.value)}
    />
  );
  const number = (path: string, label: string, description?: string) => (
    <NumberInput
      label={label}
      description={description}
      value={fieldOf(path)}
      error={error(path)}
      allowNegative={false}
      clampBehavior="none"
      onChange={(value) => set(path, value)}
    />
  );
  const save = async (): Promise<void> => {
    if (!parsed.success) return;
    setBusy(true);
    const result = await call('settings.saveSettings', parsed.data);
    setBusy(false);
    setWaitsSince(!result.ok && result.error.code === UNCONFIRMED ? saved : undefined);
    if (!result.ok) {
      notifyFailure(result.error);
      return;
    }
    clearFailure(UNCONFIRMED);
    setTyped({});
    notifyDone('The settings are saved.');
  };
  const discard = async (): Promise<void> => {
    setTyped({});
    setWaitsSince(undefined);
    clearFailure(UNCONFIRMED);
    // Reads the file again, in case another program changed it.
    const settings = await callOrNotify('settings.getSettings', {});
    if (settings) useControl.setState(({ data }) => (data ? { data: { ...data, settings } } : {}));
  };

  return (
    <form
      className={classes.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <section className={`panel ${classes.group}`} aria-labelledby="look">
        <h2 id="look">Appearance</h2>
        <div>
          <p className={classes.label} id="theme-label">
            Theme
          </p>
          <SegmentedControl
            aria-labelledby="theme-label"
            value={String(fieldOf('theme'))}
            data={[
              { value: 'system', label: 'As the system' },
              { value: 'dark', label: 'Dark' },
              { value: 'light', label: 'Light' },
            ]}
            onChange={(value) => set('theme', value)}
          />
        </div>
        <Switch
          label="Projector mode"
          description="Large type, fewer details."
          checked={isOn('isProjectorMode')}
          onChange={(event) => set('isProjectorMode', event.currentTarget.checked)}
        />
        <NativeSelect
          label="When the window is closed while the cluster runs"
          value={String(fieldOf('onQuit'))}
          data={[
            { value: 'ask', label: 'Ask what to do' },
            { value: 'stop', label: 'Stop the cluster' },
            { value: 'keep', label: 'Keep it running for the next start' },
          ]}
          onChange={(event) => set('onQuit', event.currentTarget.value)}
        />
      </section>
      <section className={`panel ${classes.group}`} aria-labelledby="cluster">
        <h2 id="cluster">Cluster</h2>
        {isRunning ? (
          <p className={classes.note}>These take effect at the next start of the cluster.</p>
        ) : null}
        <div>
          <p className={classes.label}>Where the backends come from</p>
          <ProviderSelect
            value={settingsSchema.shape.provider.parse(fieldOf('provider'))}
            onChange={(value) => set('provider', value)}
          />
        </div>
        <Switch
          label="Highly available"
          description="Three brokers, and a Redis and a Postgres that fail over, so that any one of them may end: the machine’s own, or in containers where Docker is chosen."
          checked={isOn('highlyAvailable')}
          onChange={(event) => set('highlyAvailable', event.currentTarget.checked)}
        />
        <div className={classes.pair}>
          {number('gateways', 'Gateways')}
          {number('workers', 'Workers')}
        </div>
        <div>
          <p className={classes.label}>Ports</p>
          <p className={`muted small ${classes.about}`}>0: any free port.</p>
          <div className={classes.pair}>
            {number('gatewayPort', 'Port of the gateway')}
            {number('backendPorts.rabbitmq', 'Port of RabbitMQ')}
            {number('backendPorts.redis', 'Port of Redis')}
            {number('backendPorts.postgres', 'Port of Postgres')}
          </div>
        </div>
      </section>
      <section className={`panel ${classes.group}`} aria-labelledby="containers">
        <h2 id="containers">Containers</h2>
        {text('images.registry', 'Registry', 'Prefix of each image’s name. Empty: the public registry.')}
        {text('images.rabbitmq', 'Image of RabbitMQ')}
        {text('images.redis', 'Image of Redis')}
        {text('images.postgres', 'Image of Postgres')}
        {text('images.debian', 'Image below highly available clusters')}
        <div className={classes.pair}>
          {number('limits.memoryMb', 'Memory of each, MiB')}
          {number('limits.cpus', 'Cores of each', '0: no limit.')}
        </div>
      </section>
      <section className={`panel ${classes.group}`} aria-labelledby="external">
        <h2 id="external">Backends that run elsewhere</h2>
        <p className={`muted small ${classes.about}`}>
          A saved password is shown as ***. Type it again when you change more of a URL than its path.
        </p>
        {text(
          'external.amqpUrl',
          'RabbitMQ',
          'amqp://user:password@host:5672; several, separated by commas, for a RabbitMQ cluster',
        )}
        {text(
          'external.redisUrl',
          'Redis',
          'redis://host:6379, redis+sentinel://hosts/name or redis+cluster://hosts',
        )}
        {text('external.postgresUrl', 'Postgres', 'postgresql://user:password@host:5432/database')}
      </section>
      <section className={`panel ${classes.group}`} aria-labelledby="traces">
        <h2 id="traces">Traces</h2>
        {text(
          'traces.otlpUrl',
          'OTLP endpoint',
          'Where gateways and workers send their traces, from the next start on, such as http://127.0.0.1:4318. Empty: nowhere.',
        )}
      </section>
      {/* Sticky only while there are changes, so that it covers no field without need. */}
      <div className={classes.save} data-changed={isChanged}>
        <p role="status">
          {!parsed.success
            ? 'Correct the marked fields.'
            : isChanged
              ? waitsSince
                ? 'Confirm the change in a terminal to save it.'
                : 'There are unsaved changes.'
              : 'All changes are saved.'}
        </p>
        {isChanged ? (
          <>
            <Button variant="default" onClick={() => void discard()}>
              Discard
            </Button>
            <Button type="submit" loading={isBusy} disabled={!parsed.success || !isOnline}>
              Save
            </Button>
          </>
        ) : null}
      </div>
    </form>
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function valueAt(settings: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), settings);
}
