/** What the window knows of the control centre, and how each event changes it. Pure: no clock, no DOM, no transport. */
import type {
  AttackState,
  ClusterState,
  EventName,
  EventPayload,
  FlowSample,
  LogEntry,
  Notice,
  PartStats,
  RunSummary,
  ServiceState,
  Settings,
  Snapshot,
} from '../../contract/contract.ts';
import type { SaleView } from '../../contract/sales.ts';
import { addSamples, emptySeries, type Series } from './series.ts';

/** Half a minute at ten a second. */
const MAX_FLOW = 300;
const MAX_LOG_LINES = 3_000;
const MAX_DELETED = 100;

/** State that comes from the control centre; undefined until its first snapshot. */
export interface ControlData {
  readonly seq: number;
  readonly app: Snapshot['app'];
  readonly settings: Settings;
  readonly cluster: ClusterState;
  readonly services: readonly ServiceState[];
  readonly stats: readonly PartStats[];
  readonly flow: readonly FlowSample[];
  /** The newest ones. */
  readonly sales: readonly SaleView[];
  readonly salesTotal: number;
  readonly notices: readonly Notice[];
  readonly attack: AttackState | undefined;
  readonly series: Series;
  /** Lines since this window opened; earlier ones are asked for. */
  readonly logs: readonly LogEntry[];
  /** The run saved last since this window opened. */
  readonly savedRun: RunSummary | undefined;
  /** Runs that were deleted since this window opened, here or elsewhere. */
  readonly deletedRunIds: readonly string[];
  readonly hasQuit: boolean;
}

export type ControlEvent = {
  [Name in EventName]: { readonly name: Name; readonly payload: EventPayload<Name> };
}[EventName];

/** The state after a snapshot. What a snapshot doesn't hold (log lines) is kept from before. */
export function fromSnapshot(snapshot: Snapshot, before: ControlData | undefined): ControlData {
  return {
    seq: snapshot.seq,
    app: snapshot.app,
    settings: snapshot.settings,
    cluster: snapshot.cluster,
    services: snapshot.services,
    stats: snapshot.stats,
    flow: snapshot.flow.slice(-MAX_FLOW),
    sales: snapshot.sales,
    salesTotal: snapshot.salesTotal ?? snapshot.sales.length,
    notices: snapshot.notices ?? [],
    attack: snapshot.attack,
    series: addSamples(emptySeries(snapshot.attack?.runId ?? ''), snapshot.samples),
    // A control centre that was started anew counts its lines from 1 again.
    logs: before && before.app.pid === snapshot.app.pid ? before.logs : [],
    savedRun: before?.savedRun,
    deletedRunIds: before?.deletedRunIds ?? [],
    hasQuit: false,
  };
}

/** The state after an event; events that the snapshot already holds change nothing. */
export function applyEvent(data: ControlData, event: ControlEvent): ControlData {
  const { seq } = event.payload;
  if (seq <= data.seq) return data;
  switch (event.name) {
    case 'cluster.stateChanged':
      return { ...data, seq, cluster: event.payload.cluster };
    case 'services.stateChanged':
      return { ...data, seq, services: event.payload.services };
    case 'telemetry.statsSampled':
      return { ...data, seq, stats: event.payload.stats };
    case 'telemetry.flowSampled':
      return { ...data, seq, flow: [...data.flow, ...event.payload.flow].slice(-MAX_FLOW) };
    case 'sales.salesChanged':
      return {
        ...data,
        seq,
        sales: event.payload.sales,
        salesTotal: event.payload.salesTotal ?? event.payload.sales.length,
      };
    case 'attack.stateChanged': {
      const { attack } = event.payload;
      const series = attack.runId === data.series.runId ? data.series : emptySeries(attack.runId);
      return { ...data, seq, attack, series };
    }
    case 'attack.samplesTaken': {
      const { runId, samples } = event.payload;
      const series = runId === data.series.runId ? data.series : emptySeries(runId);
      return { ...data, seq, series: addSamples(series, samples) };
    }
    case 'runs.runSaved':
      return { ...data, seq, savedRun: event.payload.run };
    case 'runs.runDeleted':
      return { ...data, seq, deletedRunIds: [...data.deletedRunIds, event.payload.id].slice(-MAX_DELETED) };
    case 'logs.linesAdded':
      return { ...data, seq, logs: [...data.logs, ...event.payload.lines].slice(-MAX_LOG_LINES) };
    case 'settings.settingsChanged':
      return { ...data, seq, settings: event.payload.settings };
    case 'app.noticesChanged':
      return { ...data, seq, notices: event.payload.notices };
    case 'app.quitting':
      return { ...data, seq, hasQuit: true };
  }
}
