import { findFreePorts, isPortFree } from '../../lib/free-port.ts';
import type { BackendDriver } from './backend.ts';
import { chosenPortTaken, portTaken } from './failures.ts';
import { type ClusterSettings, type PortName, portOf } from './settings.ts';

/** The settings that all backends of a cluster share. */
export interface SettingsKeeper {
  readonly current: ClusterSettings;
  /** Ports that a person has chosen: no other is taken in their place. */
  readonly fixedPorts: ReadonlySet<PortName>;
  replacePorts(ports: Readonly<Record<PortName, number>>): void;
}

/** Ports of a backend on which another program listens. */
export async function takenPorts(driver: BackendDriver, settings: SettingsKeeper): Promise<PortName[]> {
  const checks = await Promise.all(driver.ports.map((name) => isPortFree(portOf(settings.current, name))));
  return driver.ports.filter((_, index) => !checks[index]);
}

/**
 * Gives a backend other ports in place of those that are taken.
 * @param keepsPorts the services know its ports: it can't have others
 * @throws FailureError when a taken port must stay
 */
export async function replaceTakenPorts(
  driver: BackendDriver,
  settings: SettingsKeeper,
  keepsPorts: boolean,
): Promise<void> {
  const taken = await takenPorts(driver, settings);
  if (taken.length === 0) return;
  const numberOf = (name: PortName) => portOf(settings.current, name);
  if (keepsPorts) throw portTaken(driver.title, taken.map(numberOf));
  const fixed = taken.find((name) => settings.fixedPorts.has(name));
  if (fixed) throw chosenPortTaken(driver.title, numberOf(fixed));
  const fresh = await findFreePorts(taken.length);
  settings.replacePorts(Object.fromEntries(taken.map((name, index) => [name, fresh[index] ?? 0])));
}
