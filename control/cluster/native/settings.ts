/**
 * What a native cluster keeps from one start to the next: ports and passwords, in a file that only its owner
 * can read.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { readJson } from '../../lib/read-json.ts';
import { findFreePorts } from '../../lib/free-port.ts';
import type { Endpoints } from '../cluster.ts';

export const BACKEND_USER = 'flashgrid';
export const DATABASE = 'flashgrid';
const PASSWORD_BYTES = 24;

const portSchema = z.number().int().min(1).max(65_535);
const settingsSchema = z.object({
  /** Those of further members, as `redis-2`, only where a cluster has had any. */
  ports: z
    .object({
      redis: portSchema,
      postgres: portSchema,
      rabbitmq: portSchema,
      rabbitmqDist: portSchema,
      epmd: portSchema,
    })
    .catchall(portSchema),
  passwords: z.object({
    redis: z.string().min(16),
    postgres: z.string().min(16),
    rabbitmq: z.string().min(16),
    erlangCookie: z.string().min(16),
  }),
});
export type ClusterSettings = z.infer<typeof settingsSchema>;
export type PortName = string;

/** @throws Error for a name that has no port: `openSettings` gives one to each that it is asked for */
export function portOf({ ports }: ClusterSettings, name: PortName): number {
  const port = ports[name];
  if (port === undefined) throw new Error(`no port is kept for ${name}`);
  return port;
}

/** Reads the settings of a cluster, or makes new ones. `more` names ports beside those of single backends. */
export async function openSettings(path: string, more: readonly PortName[] = []): Promise<ClusterSettings> {
  // Made anew when it was cut short: backends with the old passwords then fail their probe, and are told so.
  const kept = readJson(path, settingsSchema) ?? (await newSettings(path));
  const missing = more.filter((name) => kept.ports[name] === undefined);
  if (missing.length === 0) return kept;
  const fresh = await findFreePorts(missing.length);
  return replacePorts(path, kept, Object.fromEntries(missing.map((name, at) => [name, fresh[at] ?? 0])));
}

async function newSettings(path: string): Promise<ClusterSettings> {
  const [redis = 0, postgres = 0, rabbitmq = 0, rabbitmqDist = 0, epmd = 0] = await findFreePorts(5);
  const settings = {
    ports: { redis, postgres, rabbitmq, rabbitmqDist, epmd },
    passwords: {
      redis: password(),
      postgres: password(),
      rabbitmq: password(),
      erlangCookie: password(),
    },
  };
  saveSettings(path, settings);
  return settings;
}

/** The same settings with other ports; kept on disk. */
export function replacePorts(
  path: string,
  settings: ClusterSettings,
  ports: Readonly<Record<PortName, number>>,
): ClusterSettings {
  const next = settingsSchema.parse({ ...settings, ports: { ...settings.ports, ...ports } });
  saveSettings(path, next);
  return next;
}

/** The same settings with the ports that were chosen; another use of one of these makes way. */
export async function choosePorts(
  path: string,
  settings: ClusterSettings,
  chosen: Readonly<Record<PortName, number>>,
): Promise<ClusterSettings> {
  const wanted = new Set(Object.values(chosen));
  const inTheWay = Object.entries(settings.ports).flatMap(([name, port]) =>
    wanted.has(port) && !(name in chosen) ? [name] : [],
  );
  const isAsChosen = JSON.stringify({ ...settings.ports, ...chosen }) === JSON.stringify(settings.ports);
  if (isAsChosen && inTheWay.length === 0) return settings;
  const fresh = await findFreePorts(inTheWay.length);
  const moved = Object.fromEntries(inTheWay.map((name, index) => [name, fresh[index] ?? 0]));
  return replacePorts(path, settings, { ...moved, ...chosen });
}

/** Where single backends answer. */
export function endpointsOf({ ports, passwords }: ClusterSettings): Endpoints {
  return {
    amqpUrl: `amqp://${BACKEND_USER}:${passwords.rabbitmq}@127.0.0.1:${ports.rabbitmq}`,
    redisUrl: `redis://:${passwords.redis}@127.0.0.1:${ports.redis}`,
    postgresUrl: `postgresql://${BACKEND_USER}:${passwords.postgres}@127.0.0.1:${ports.postgres}/${DATABASE}`,
  };
}

function saveSettings(path: string, settings: ClusterSettings): void {
  writeFileAtomic(path, JSON.stringify(settings, null, 1), 0o600);
}

/**
 * Letters and digits only: it stands in URLs, in Redis' configuration and in Erlang terms without escapes.
 */
function password(): string {
  return randomBytes(PASSWORD_BYTES).toString('hex');
}
