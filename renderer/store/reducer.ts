/** The window's copy of the control centre's state, and how each event changes it. Pure: no clock, DOM or transport. */
import type {
  AttackState,
  ClusterState,
  FlowSample,
  LogEntry,
  Notice,
  PartStats,
  ServiceState,
  Snapshot,
} from '../../contract/state.ts';
import type { EventName, EventPayload } from '../../contract/contract.ts';
import type { CampaignState } from '../../contract/campaign.ts';
import type { LabState } from '../../contract/lab.ts';
import type { MatrixState } from '../../contract/matrix.ts';
import type { Settings } from '../../contract/settings.ts';
import type { SaleView } from '../../contract/sales.ts';
import { addSamples, emptySeries, type Series } from '../../contract/series.ts';

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
  /** Undefined only in a recording of an earlier version. */
  readonly matrix: MatrixState | undefined;
  readonly lab: LabState | undefined;
  readonly campaign: CampaignState | undefined;
  readonly series: Series;
  /** Lines since this window opened; earlier ones are loaded on demand. */
  readonly logs: readonly LogEntry[];
  /** Runs that were deleted since this window opened, here or elsewhere. */
  readonly deletedRunIds: readonly string[];
  readonly hasQuit: boolean;
}

/** The state after a snapshot. What a snapshot doesn't contain (log lines) is kept from before. */
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
    matrix: snapshot.matrix,
    lab: snapshot.lab,
    campaign: snapshot.campaign,
    series: addSamples(emptySeries(snapshot.attack?.runId ?? ''), snapshot.samples),
    // A restarted control centre numbers its lines from 1 again.
    logs: before && before.app.pid === snapshot.app.pid ? before.logs : [],
    deletedRunIds: before?.deletedRunIds ?? [],
    hasQuit: false,
  };
}

/** What each event changes. A missing event does not compile. */
const changes: {
  readonly [Name in EventName]: (payload: EventPayload<Name>, data: ControlData) => Partial<ControlData>;
} = {
  'cluster.stateChanged': ({ cluster }) => ({ cluster }),
  'services.stateChanged': ({ services }) => ({ services }),
  'telemetry.statsSampled': ({ stats }) => ({ stats }),
  'telemetry.flowSampled': ({ flow }, data) => ({ flow: [...data.flow, ...flow].slice(-MAX_FLOW) }),
  'sales.salesChanged': ({ sales, salesTotal }) => ({ sales, salesTotal: salesTotal ?? sales.length }),
  'attack.stateChanged': ({ attack }, data) => ({ attack, series: seriesOf(attack.runId, data) }),
  'attack.samplesTaken': ({ runId, samples }, data) => ({
    series: addSamples(seriesOf(runId, data), samples),
  }),
  'matrix.stateChanged': ({ matrix }) => ({ matrix }),
  // The page asks for the table when the state changes.
  'matrix.resultAdded': () => ({}),
  'lab.stateChanged': ({ lab }) => ({ lab }),
  'campaign.stateChanged': ({ campaign }) => ({ campaign }),
  'lab.resultAdded': () => ({}),
  // It may have been brought back.
  'runs.runSaved': ({ run }, data) => ({ deletedRunIds: data.deletedRunIds.filter((id) => id !== run.id) }),
  'runs.runDeleted': ({ id }, data) => ({ deletedRunIds: [...data.deletedRunIds, id].slice(-MAX_DELETED) }),
  'logs.linesAdded': ({ lines }, data) => ({ logs: [...data.logs, ...lines].slice(-MAX_LOG_LINES) }),
  'settings.settingsChanged': ({ settings }) => ({ settings }),
  'app.noticesChanged': ({ notices }) => ({ notices }),
  'app.quitting': () => ({ hasQuit: true }),
};

function seriesOf(runId: string, { series }: ControlData): Series {
  return series.runId === runId ? series : emptySeries(runId);
}

/** The state after an event; an event that the snapshot already contains changes nothing. */
export function applyEvent<Name extends EventName>(
  data: ControlData,
  name: Name,
  payload: EventPayload<Name>,
): ControlData {
  // Widened to what all payloads have.
  const { seq }: { readonly seq: number } = payload;
  return seq <= data.seq ? data : { ...data, seq, ...changes[name](payload, data) };
}
