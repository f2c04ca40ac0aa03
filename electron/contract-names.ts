/**
 * The contract's names without its schemas: the preload runs before every page and must stay small. The types make both lists complete
 * and correct: a name that is missing here, or is none, fails the build.
 */
import type { CommandName, EventName } from '../contract/contract.ts';

export const COMMAND_NAMES: Readonly<Record<CommandName, true>> = {
  'app.getSnapshot': true,
  'app.quit': true,
  'app.getAccess': true,
  'app.openDataFolder': true,
  'cluster.start': true,
  'cluster.cancelStart': true,
  'cluster.stop': true,
  'cluster.reset': true,
  'cluster.killEngine': true,
  'services.scale': true,
  'services.killService': true,
  'sales.listSales': true,
  'sales.openSale': true,
  'sales.changeSale': true,
  'queue.listDead': true,
  'queue.replayDead': true,
  'queue.dropDead': true,
  'attack.launch': true,
  'attack.cancel': true,
  'runs.listRuns': true,
  'runs.getRun': true,
  'runs.deleteRun': true,
  'runs.exportRun': true,
  'logs.listLines': true,
  'settings.getSettings': true,
  'settings.saveSettings': true,
  'settings.confirmChange': true,
  'doctor.runChecks': true,
};

export const EVENT_NAMES: Readonly<Record<EventName, true>> = {
  'cluster.stateChanged': true,
  'services.stateChanged': true,
  'telemetry.statsSampled': true,
  'telemetry.flowSampled': true,
  'sales.salesChanged': true,
  'attack.stateChanged': true,
  'attack.samplesTaken': true,
  'runs.runSaved': true,
  'runs.runDeleted': true,
  'logs.linesAdded': true,
  'settings.settingsChanged': true,
  'app.noticesChanged': true,
  'app.quitting': true,
};
