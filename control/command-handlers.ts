/** One handler for each command of the contract. */
import type { Access, RunSummary, Snapshot } from '../contract/state.ts';
import { BASELINE, compareRuns, sideName } from '../contract/comparison.ts';
import { backendRoleSchema } from '../contract/backends.ts';
import type { CommandName, CommandOutput, ParsedInput } from '../contract/contract.ts';
import type { CampaignPlan } from '../contract/campaign.ts';
import type { AttackSettings } from '../contract/attack-settings.ts';
import type { Settings } from '../contract/settings.ts';
import { FailureError } from '../contract/failure.ts';
import { MASK, redact, redactDeep } from '../services/shared/redact.ts';
import type { Attacks } from './attacks.ts';
import type { ClusterManager } from './cluster-manager.ts';
import { dockerFindings } from './cluster/docker/docker-cluster.ts';
import { externalFindings } from './cluster/external/external-cluster.ts';
import { backendFindings, runDoctor } from './doctor/doctor.ts';
import { diagnose } from './doctor/readiness.ts';
import type { EvidenceStore } from './evidence/evidence-store.ts';
import { exportComparison } from './export/export-comparison.ts';
import { exportRun } from './export/export-run.ts';
import { openChromium } from './export/print/chromium.ts';
import type { OpenTab } from './export/print/print-report.ts';
import { commandLine } from './lib/command-line.ts';
import type { EventHub } from './lib/event-hub.ts';
import type { LogStore } from './logs/log-store.ts';
import type { Campaign } from './campaign.ts';
import type { Lab } from './lab.ts';
import type { HandRace } from './lab/race.ts';
import type { Matrix } from './matrix.ts';
import type { BaselineFile } from './runs/baseline-file.ts';
import type { RunStore } from './runs/run-store.ts';
import type { DeadLetters } from './sales/dead-letters.ts';
import type { GatewayClient } from './sales/gateway-client.ts';
import type { SalesWatch } from './sales/sales-watch.ts';
import type { PageGuard } from './lib/page-guard.ts';
import { guardedChanges } from './settings/guarded-changes.ts';
import { maskSettings, unmaskSettings } from './settings/settings-masks.ts';
import type { SettingsStore } from './settings/settings-store.ts';
import { askForTarget, type TargetOrder } from './target/ask-for-target.ts';

/** Who calls. A page may run somebody else's script; a terminal and this process are trusted. */
export type Caller = 'page' | 'terminal';

export type Handlers = {
  readonly [Name in CommandName]: (
    input: ParsedInput<Name>,
    caller: Caller,
  ) => Promise<CommandOutput<Name>> | CommandOutput<Name>;
};

/** What the handlers work on. */
export interface CommandParts {
  readonly options: {
    readonly dataDir: string;
    readonly version: string;
    readonly openTab?: OpenTab;
    openFolder?(path: string): Promise<void>;
  };
  readonly hub: EventHub;
  readonly cluster: ClusterManager;
  readonly attacks: Attacks;
  readonly matrix: Matrix;
  readonly lab: Lab;
  readonly campaign: Campaign;
  readonly race: HandRace;
  readonly gateways: GatewayClient;
  readonly sales: SalesWatch;
  readonly dead: DeadLetters;
  readonly runs: RunStore;
  readonly baseline: BaselineFile;
  readonly evidence: EvidenceStore;
  readonly logs: LogStore;
  readonly settings: SettingsStore;
  readonly guard: PageGuard;
  /** What only the control centre itself knows or does. */
  readonly centre: {
    readonly access: Access | undefined;
    snapshot(): Snapshot;
    saveSettings(settings: Settings): Settings;
    quit(backends: 'stop' | 'keep'): void;
  };
}

/** The answer of a command that only does something. */
const done = (work: Promise<unknown>): Promise<Record<string, never>> => work.then(() => ({}));

export function commandHandlers(parts: CommandParts): Handlers {
  const { options, hub, cluster, attacks, matrix, lab, campaign, race, gateways, sales, dead } = parts;
  const { runs, baseline, evidence, logs, settings, guard, centre } = parts;
  /** Ends what runs: an attack of the matrix ends with the matrix, one of the lab with the lab, one of several with all. */
  const callOff = async () => {
    await matrix.stop();
    await lab.stop();
    await campaign.stop();
    await attacks.cancel();
  };
  const changed = async (work: Promise<RunSummary>) => {
    const run = await work;
    hub.emit('runs.runSaved', { run });
    return run;
  };
  const recordsOf = async (ids: readonly string[]) =>
    (
      await Promise.all(ids.map(async (id) => (id === BASELINE ? baseline.read() : [await runs.get(id)])))
    ).flat();
  const sideOf = async (ids: readonly string[]) => {
    const records = await recordsOf(ids);
    return { name: ids[0] === BASELINE ? BASELINE : sideName(records), records };
  };
  /** Lets a terminal attack another shop at once, and a page when a person confirmed it. */
  const admitTarget = async <Value>(
    order: TargetOrder,
    wanted: AttackSettings,
    caller: Caller,
    act: (order: TargetOrder) => Promise<Value>,
    how?: CampaignPlan['how'],
  ): Promise<Value> => {
    if (caller !== 'page') return await act(order);
    const asked = await askForTarget(order, wanted, how);
    return await guard.admit(asked, () => act(asked.order));
  };
  /** Matrix and lab make attacks of their own. */
  const refuseWhileBusy = () => {
    matrix.refuseWhileRunning();
    lab.refuseWhileRunning();
    campaign.refuseWhileRunning();
  };
  return {
    'app.getSnapshot': () => centre.snapshot(),
    'app.quit': ({ cluster: choice }) => {
      centre.quit(choice);
      return {};
    },
    'app.getAccess': () => {
      if (centre.access) return centre.access;
      throw new FailureError({
        code: 'app.noAccess',
        message: 'No browser can reach this FlashGrid: it listens for none.',
        fix: `Start it with \`${commandLine('serve')}\`.`,
      });
    },
    'app.confirmAsk': async ({ id }, caller) => {
      if (caller === 'page') {
        throw new FailureError({
          code: 'page.terminalOnly',
          message: 'A page can not confirm what it asks for itself.',
          fix: `Run \`${commandLine('confirm')}\` in a terminal.`,
        });
      }
      const { act, what, lines, ...pending } = guard.pending(id);
      if (id !== undefined) {
        guard.forget(what);
        await act();
      }
      return { id: pending.id, what, lines: [...lines], isDone: id !== undefined };
    },
    'app.openDataFolder': async () => {
      const { openFolder, dataDir } = options;
      if (!openFolder) {
        throw new FailureError({
          code: 'app.noDesktop',
          message: 'There is no desktop here that could show a folder.',
          fix: `Open it yourself: ${dataDir}`,
        });
      }
      await openFolder(dataDir);
      return {};
    },
    'cluster.start': async ({ provider, highlyAvailable, otlpUrl }, caller) => {
      const start = () => cluster.start(provider ?? settings.current.provider, highlyAvailable, otlpUrl);
      if (caller !== 'page' || otlpUrl === undefined) return await start();
      const wanted = { ...settings.current, traces: { otlpUrl } };
      return await guard.admit({ what: 'change', lines: guardedChanges(settings.current, wanted) }, start);
    },
    'cluster.listConnections': (_, caller) => {
      const { amqpUrl, redisUrl, postgresUrl, postgresAuditUrl = postgresUrl } = cluster.running().deployment;
      // Whoever looks into the database from outside has no need to write.
      const urls = { rabbitmq: amqpUrl, redis: redisUrl, postgres: postgresAuditUrl };
      return backendRoleSchema.options.map((role) => ({
        role,
        url:
          caller === 'page'
            ? redact(urls[role]).replaceAll(`:${MASK}@`, '@').replace('//@', '//')
            : urls[role],
      }));
    },
    'cluster.cancelStart': () => done(cluster.cancelStart()),
    'cluster.stop': async () => {
      await callOff();
      await lab.endShop();
      await race.close('The race was closed: the cluster was stopped.');
      if (cluster.state.state === 'stopped') await cluster.clearLeftovers();
      return await cluster.stop();
    },
    'cluster.reset': async () => {
      await callOff();
      await lab.endShop();
      await race.close('The race was closed: the cluster was reset.');
      return await cluster.reset();
    },
    'services.scale': ({ role, count }) => cluster.scale(role, count),
    'sales.listSales': async ({ limit }) => (await sales.read(limit)).sales,
    'sales.openSale': async (sale) => {
      const opened = await gateways.openSale(sale);
      await sales.refresh();
      return opened;
    },
    'sales.changeSale': async ({ id, change }) => {
      const changed = await gateways.changeSale(id, change);
      await sales.refresh();
      return changed;
    },
    'queue.listDead': ({ limit }) => dead.list(limit),
    'queue.replayDead': ({ ids }) => dead.replay(ids),
    'queue.dropDead': ({ ids }) => dead.drop(ids),
    'attack.launch': ({ group, ...attack }) => {
      refuseWhileBusy();
      return attacks.launch(attack, group);
    },
    'attack.launchTarget': ({ settings: { group, ...wanted }, ...order }, caller) => {
      refuseWhileBusy();
      return admitTarget(order, wanted, caller, ({ target, isOwn }) => {
        refuseWhileBusy();
        return attacks.launchTarget(wanted, target, { isOwn, group });
      });
    },
    'campaign.start': ({ plan, target, isOwn }, caller) => {
      refuseWhileBusy();
      if (!target) return campaign.start(plan);
      const { settings } = plan.setUp;
      const start = (order: TargetOrder) => {
        refuseWhileBusy();
        return campaign.start(plan, order);
      };
      return admitTarget({ target, isOwn }, settings, caller, start, plan.how);
    },
    'campaign.stop': () => done(campaign.stop()),
    'attack.cancel': () => done(callOff()),
    'faults.breakPart': (order) => {
      // It would count as what the matrix breaks.
      refuseWhileBusy();
      return done(attacks.breakNow(order));
    },
    'matrix.start': (asked) => {
      lab.refuseWhileRunning();
      campaign.refuseWhileRunning();
      return matrix.start(asked.plan, asked.done);
    },
    'matrix.stop': () => done(matrix.stop()),
    'matrix.getTable': (choice) => matrix.table(choice),
    'matrix.listAttacks': (choice) => matrix.listAttacks(choice),
    'matrix.exportResults': (choice) => matrix.export(choice),
    'matrix.clearResults': () => done(matrix.clear()),
    'lab.start': (plan) => {
      matrix.refuseWhileRunning();
      campaign.refuseWhileRunning();
      return lab.start(plan);
    },
    'lab.listResults': () => [...lab.results],
    'lab.exportResults': ({ format }) => lab.export(format),
    'lab.serveDesign': (shop) => {
      refuseWhileBusy();
      return lab.serve(shop);
    },
    'lab.endShop': () => done(lab.endShop()),
    'lab.stop': () => done(lab.stop()),
    'race.open': ({ design }) => {
      // It would take CPU from what is measured.
      refuseWhileBusy();
      attacks.refuseWhileActive();
      return race.open(design);
    },
    'race.step': ({ buyer }) => race.step(buyer),
    'race.reset': () => race.reset(),
    'race.getRace': () => race.look(),
    'race.close': () => done(race.close()),
    'runs.listRuns': ({ search }) => runs.list(search),
    'runs.getRun': ({ id }) => runs.get(id),
    'runs.deleteRun': async ({ id }) => {
      await runs.delete(id);
      hub.emit('runs.runDeleted', { id });
      return {};
    },
    'runs.restoreRun': ({ id }) => changed(runs.restore(id)),
    'runs.labelRun': ({ id, labels }) => changed(runs.label(id, labels)),
    'runs.getBaseline': () => baseline.read(),
    'runs.setBaseline': async ({ ids }) => {
      const before = await baseline.ids();
      baseline.write(await recordsOf(ids));
      const kept = (await runs.list()).filter(({ id }) => before.has(id) || ids.includes(id));
      for (const run of kept) hub.emit('runs.runSaved', { run });
      return {};
    },
    'runs.exportComparison': async ({ a, b, format }) =>
      exportComparison(compareRuns(await sideOf(a), await sideOf(b)), format, options.version),
    'runs.exportRun': async ({ id, format }) =>
      exportRun(await runs.get(id), format, { evidence, openTab: options.openTab ?? (() => openChromium()) }),
    'logs.listLines': (query) => logs.list(query),
    'settings.getSettings': () => maskSettings(settings.current),
    'settings.saveSettings': async (masked, caller) => {
      const wanted = unmaskSettings(masked, settings.current);
      const save = () => Promise.resolve(centre.saveSettings(wanted));
      if (caller !== 'page') return await save();
      return await guard.admit({ what: 'change', lines: guardedChanges(settings.current, wanted) }, save);
    },
    'doctor.runChecks': async () =>
      diagnose(
        redactDeep(
          (
            await Promise.all([
              runDoctor({ dataDir: options.dataDir }),
              dockerFindings(),
              settings.current.provider === 'external' ? externalFindings(settings.current.external) : [],
            ])
          )
            .flat()
            .concat(backendFindings(cluster.state)),
        ),
        settings.current.provider,
      ),
  };
}
