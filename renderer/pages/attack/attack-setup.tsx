import { compact, whole, plural } from '../../../contract/format.ts';
import {
  Box,
  Button,
  Collapse,
  Group,
  NativeSelect,
  NumberInput,
  SegmentedControl,
  TextInput,
} from '@mantine/core';
import { IconBolt, IconChevronDown } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { ATTACK_PRESETS } from '../../../contract/attack-presets.ts';
import {
  ATTACK_SETTINGS,
  PROFILE_LABELS,
  paceFor,
  totalRequests,
  totalStock,
  type AttackSetting,
  type AttackSettings,
} from '../../../contract/attack-settings.ts';
import { crowdUnit, saleStockText } from '../../../contract/attack-text.ts';
import { NOT_OF_OTHER_SHOPS } from '../../../contract/adapter.ts';
import { callOrNotify } from '../../client.ts';
import { parseDraft, presetOf, presetsWith, toDraft, type AttackDraft } from '../../lib/attack-draft.ts';
import { HOWS, ONCE, planOf } from '../../lib/campaign-draft.ts';
import { sentence } from '../../lib/format.ts';
import { targetInput } from '../../lib/other-shop.ts';
import { useShortcuts } from '../../lib/shortcuts.ts';
import { useControl, useData, useIsOnline } from '../../store/store.ts';
import classes from './attack-setup.module.css';
import { CampaignField } from './campaign-field.tsx';
import { FaultField } from './fault-field.tsx';
import { PresetCards } from './preset-cards.tsx';
import { ProfileTools } from './profile-tools.tsx';
import { ShopField } from './shop-field.tsx';

const [flagship] = ATTACK_PRESETS;

/** The form of an attack: a preset, its settings, and the button that launches it. */
export function AttackSetup() {
  // The faults of a crash matrix are none that a person chose.
  const lastSettings = useData(({ attack, matrix }) =>
    attack?.runId === matrix?.lastRunId ? undefined : attack?.settings,
  );
  const clusterState = useData((data) => data.cluster.state);
  const isOnline = useIsOnline();
  const [draft, setDraft] = useState<AttackDraft>(() =>
    toDraft(lastSettings ?? flagship?.settings ?? { profile: 'burst' }),
  );
  const [isMoreOpen, setMoreOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [several, setSeveral] = useState(ONCE);
  const [isSeveralOpen, setSeveralOpen] = useState(false);
  const [isShopOpen, setShopOpen] = useState(false);
  const shop = useControl((state) => state.shop);
  const order = useMemo(() => targetInput(shop), [shop]);
  const parsed = useMemo(() => parseDraft(draft, shop !== undefined), [draft, shop]);
  // The fault that is being typed may be none yet.
  const { plan, problems = {} } = useMemo(
    () => (parsed.ok ? planOf(several, parsed.settings) : {}),
    [several, parsed],
  );
  const rest = useMemo(() => parseDraft({ ...draft, faults: '' }), [draft]);
  const durationMs = rest.ok ? paceFor(rest.settings)?.endMs : undefined;
  const profiles = useData((data) => data.settings.profiles);
  const presets = useMemo(() => presetsWith(profiles ?? []), [profiles]);
  const selected = presetOf(draft, presets);
  const errors = parsed.ok ? {} : parsed.errors;
  const needsStart = !shop && (clusterState === 'stopped' || clusterState === 'failed');
  const canLaunch =
    isOnline &&
    parsed.ok &&
    !isBusy &&
    Object.keys(problems).length === 0 &&
    (shop ? order !== undefined : clusterState !== 'stopping');

  const launch = async (): Promise<void> => {
    if (!parsed.ok) return;
    const { settings } = parsed;
    if (order || clusterState === 'running') {
      setBusy(true);
      await (plan
        ? callOrNotify('campaign.start', { plan, ...order })
        : order
          ? callOrNotify('attack.launchTarget', { settings, ...order })
          : callOrNotify('attack.launch', settings));
      setBusy(false);
      return;
    }
    if (needsStart) {
      const started = callOrNotify('cluster.start', {});
      // Waits until the start is under way: the failure of an earlier start would cancel the launch.
      const unsubscribe = useControl.subscribe(({ data }) => {
        if (data?.cluster.state !== 'starting' && data?.cluster.state !== 'running') return;
        unsubscribe();
        useControl.setState({ pendingLaunch: plan ?? settings });
      });
      await started;
      unsubscribe();
      return;
    }
    useControl.setState({ pendingLaunch: plan ?? settings });
  };
  useShortcuts([{ key: 'l', label: 'Launch', run: () => void (canLaunch && launch()) }]);

  const set = <Key extends keyof AttackDraft>(key: Key, value: AttackDraft[Key]): void =>
    setDraft((before) => ({ ...before, [key]: value }));
  const fieldsOf = (isMain: boolean) =>
    ATTACK_SETTINGS.filter(
      (setting) =>
        (setting.isMain ?? false) === isMain &&
        (setting.profile ?? draft.profile) === draft.profile &&
        !(shop && setting.field in NOT_OF_OTHER_SHOPS) &&
        !(several.kind === 'limit' && setting.field === 'ratePerSec'),
    ).map((setting) =>
      setting.field === 'faults' ? (
        <FaultField
          key={setting.field}
          label={setting.label}
          value={String(draft.faults)}
          error={errors.faults}
          durationMs={durationMs}
          onChange={(value) => set('faults', value)}
        />
      ) : (
        <SettingField
          key={setting.field}
          setting={setting}
          value={draft[setting.field]}
          error={errors[setting.field]}
          onChange={(value) => set(setting.field, value)}
        />
      ),
    );

  return (
    <div className={classes.page}>
      <div className={classes.title}>
        <h1>Launch an attack</h1>
        <p className="muted">
          Real HTTP requests go to {order ? order.target.name : 'the gateway'}. The audit accounts for every
          one of them.
        </p>
      </div>
      <PresetCards
        presets={presets}
        selected={selected}
        onSelect={(settings) => setDraft(toDraft(settings))}
      />
      <section className={`panel ${classes.form}`} aria-label="Settings of the attack">
        <div className={classes.fields}>{fieldsOf(true)}</div>
        <div>
          <Group gap="xs">
            <Disclosure isOpen={isMoreOpen} onToggle={setMoreOpen}>
              {isMoreOpen ? 'Fewer settings' : 'More settings'}
            </Disclosure>
            <Disclosure isOpen={isSeveralOpen} onToggle={setSeveralOpen}>
              {several.kind === 'once' ? 'Several attacks, or the limit' : HOWS[several.kind]}
            </Disclosure>
            <Disclosure isOpen={isShopOpen} onToggle={setShopOpen}>
              {order ? `Shop: ${order.target.name}` : 'Another shop'}
            </Disclosure>
          </Group>
          <Collapse expanded={isSeveralOpen}>
            <CampaignField
              draft={several}
              problems={problems}
              slo={String(draft.slo)}
              isOtherShop={shop !== undefined}
              onChange={(change) => {
                setSeveral((before) => ({ ...before, ...change }));
                if (change.kind === 'limit') set('profile', 'sustained');
              }}
              onSlo={(slo) => set('slo', slo)}
            />
          </Collapse>
          <Collapse expanded={isShopOpen}>
            <ShopField />
          </Collapse>
          <Collapse expanded={isMoreOpen}>
            <Box className={classes.fields ?? ''} pt="md">
              <div className={classes.profile}>
                <p className={classes.label} id="profile-label">
                  Profile of the load
                </p>
                <SegmentedControl
                  fullWidth
                  aria-labelledby="profile-label"
                  value={draft.profile}
                  data={Object.entries(PROFILE_LABELS).map(([value, label]) => ({ value, label }))}
                  onChange={(value) => set('profile', value as AttackDraft['profile'])}
                />
              </div>
              {fieldsOf(false)}
            </Box>
          </Collapse>
        </div>
        <Group className={classes.launch} pt="md">
          <p className={`muted ${classes.summary}`} aria-live="polite">
            {!parsed.ok || (shop && !order) || Object.keys(problems).length > 0 ? (
              'Correct the marked fields before you launch.'
            ) : order ? (
              <>
                <strong>{plural(totalRequests(parsed.settings), 'request')}</strong> to{' '}
                <strong>{order.target.name}</strong>, {order.target.url}
              </>
            ) : (
              <Summary settings={parsed.settings} />
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
            {needsStart ? 'Start the cluster and launch' : plan ? 'Launch attacks' : 'Launch attack'}
          </Button>
        </Group>
        <ProfileTools
          settings={parsed.ok ? parsed.settings : undefined}
          shop={shop}
          saved={profiles?.find(({ name }) => selected?.id === `saved:${name}`)?.name}
          onTake={(settings) => setDraft(toDraft(settings))}
        />
      </section>
    </div>
  );
}

interface DisclosureProps {
  readonly isOpen: boolean;
  readonly onToggle: (isOpen: boolean) => void;
  readonly children: string;
}

/** Shows and hides a part of the form. */
function Disclosure({ isOpen, onToggle, children }: DisclosureProps) {
  return (
    <Button
      variant="subtle"
      color="gray"
      size="compact-sm"
      className={classes.more ?? ''}
      c="dimmed"
      aria-expanded={isOpen}
      rightSection={<IconChevronDown size="1rem" aria-hidden data-open={isOpen} />}
      onClick={() => onToggle(!isOpen)}
    >
      {children}
    </Button>
  );
}

interface SettingFieldProps {
  readonly setting: AttackSetting;
  readonly value: number | string;
  readonly error: string | undefined;
  readonly onChange: (value: number | string) => void;
}

/** The field of one setting, made from its descriptor. */
function SettingField({ setting, value, error, onChange }: SettingFieldProps) {
  const {
    field,
    label,
    unit,
    choices,
    isText,
    form,
    help,
    whenEmpty,
    isMain,
    min = 0,
    max = 0,
    step = 1,
  } = setting;
  const isNamed = choices !== undefined || whenEmpty === undefined;
  const description = isMain ? undefined : isNamed ? sentence(help) : `Empty: ${whenEmpty}.`;
  if (isText)
    return (
      <TextInput
        label={label}
        description={form === undefined ? description : `${description ?? ''} ${sentence(form)}`}
        value={value}
        error={error}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  if (choices)
    return (
      <NativeSelect
        label={label}
        description={description}
        value={value}
        data={[
          ...(whenEmpty === undefined ? [] : [{ value: '', label: 'None' }]),
          // A list that begins with none has long texts: its names alone fit.
          ...Object.entries(choices).map(([choice, text]) => ({
            value: choice,
            label: whenEmpty === undefined ? text : choice,
          })),
        ]}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  return (
    <NumberInput
      label={unit === undefined ? label : `${label}, ${unit}`}
      description={description}
      value={value}
      onChange={onChange}
      error={error}
      thousandSeparator={field === 'seed' ? '' : ','}
      allowNegative={false}
      clampBehavior="none"
      min={min}
      max={max}
      step={step}
    />
  );
}

function Summary({ settings }: { readonly settings: AttackSettings }) {
  const requests = totalRequests(settings);
  const unit = crowdUnit(settings);
  const perTicket = requests / totalStock(settings);
  const { sales = 1, behaviours } = settings;
  // Only of buyers who want one ticket of the same sale it is known how many get none.
  const isPlain = unit === 'buyer' && behaviours === undefined && sales === 1;
  const lose = isPlain ? ` ${whole(requests - settings.stock)} get none.` : '';
  return (
    <>
      <strong>{plural(requests, unit)}</strong> {unit === 'buyer' ? 'want' : 'for'}{' '}
      <strong>{saleStockText(settings)}</strong>
      {isPlain && perTicket <= 1
        ? ': everybody can have one.'
        : `: ${compact(perTicket)} for each ticket.${lose}`}
    </>
  );
}
