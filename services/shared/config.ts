/**
 * Configuration of gateway and worker: environment variables, read once at start. Every variable has its
 * unit, range and default here; config.test.ts holds `.env.example` to it.
 */
import { z } from 'zod';
import './plain-issues.ts';
import { redact, registerSecrets } from './redact.ts';
import { redisUrlProblem } from './redis-url.ts';
import { ServiceError } from './service-error.ts';
import { stopAtText } from './stop-points.ts';
import { urlList } from './url-list.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1..40 of a-z, 0-9, _ and -');
const count = (min: number, max: number, initial: number) =>
  z.coerce.number().int().min(min).max(max).default(initial);
const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']);

const isAmqpUrl = (url: string): boolean => z.url({ protocol: /^amqps?$/ }).safeParse(url).success;

const commonShape = {
  /** Prefix of queues, keys and channels, so that several clusters can share their backends. */
  FLASHGRID_NAMESPACE: name.default('fg'),
  /**
   * `amqp://user:password@host:port/vhost`; several, separated by commas, are the nodes of one RabbitMQ
   * cluster.
   */
  FLASHGRID_AMQP_URL: z
    .string()
    .refine((text) => urlList(text).every(isAmqpUrl), 'must be amqp:// URLs, separated by commas'),
  /**
   * `redis://:password@host:port/db`, `redis+cluster://:password@host:port,host:port` or
   * `redis+sentinel://:password@host:port,host:port/name` (redis-url.ts).
   */
  FLASHGRID_REDIS_URL: z.string().superRefine((text, context) => {
    const message = redisUrlProblem(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  }),
  /** `postgresql://user:password@host:port/database`. */
  FLASHGRID_POSTGRES_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** Schema that holds the tables. */
  FLASHGRID_POSTGRES_SCHEMA: name.default('public'),
  FLASHGRID_LOG_LEVEL: logLevel.default('info'),
  /** Shows in logs, metrics and traces. */
  FLASHGRID_INSTANCE_ID: name.optional(),
  /** `http://host:4318`: where traces are sent by OTLP/HTTP (docs/observability.md). Unset: there are none. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
};

export const gatewayConfigSchema = z.object({
  ...commonShape,
  FLASHGRID_GATEWAY_HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free port, which the ready message names. */
  FLASHGRID_GATEWAY_PORT: port.default(0),
  /**
   * Host names, with commas between, under which the gateway answers besides localhost, addresses and names
   * without a dot; `*` for any. Unset: none while it listens on loopback (DNS rebinding), any when it listens
   * elsewhere.
   */
  FLASHGRID_GATEWAY_HOSTS: z
    .string()
    .regex(
      /^(\*|[A-Za-z0-9._-]+(,[A-Za-z0-9._-]+)*)$/,
      'must be host names without ports, separated by commas, or *',
    )
    .optional(),
  /**
   * ms for which a stopping gateway still accepts connections while /readyz says 503, so that load balancers
   * leave first.
   */
  FLASHGRID_DRAIN_MS: count(0, 60_000, 0),
  /** Bearer token of the admin routes. */
  FLASHGRID_ADMIN_TOKEN: z.string().min(16, 'must have at least 16 characters'),
  /** Reservations that may wait for the broker's confirm; past it: 503. */
  FLASHGRID_MAX_UNCONFIRMED: count(1, 1_000_000, 20_000),
  /** Socket.IO clients at once; never more than half of the limit of open files. Past it: 403. */
  FLASHGRID_MAX_LIVE_CLIENTS: count(1, 1_000_000, 20_000),
  /** Most reservations in one frame. */
  FLASHGRID_MAX_FRAME: count(1, 512, 512),
  /** ms after which an unconfirmed frame is answered 503. */
  FLASHGRID_CONFIRM_TIMEOUT_MS: count(50, 60_000, 5_000),
  /** `Retry-After` of a 503, in seconds. */
  FLASHGRID_RETRY_AFTER_SEC: count(1, 3600, 1),
  /** One reservation in so many is traced, besides those whose `traceparent` says so; at most 200 a second. */
  FLASHGRID_TRACE_EVERY: count(1, 1_000_000, 1_000),
  /** Where it dies or stands still on purpose, for a test (stop-points.ts). Unset: nowhere. */
  FLASHGRID_STOP_AT: stopAtText('gateway').optional(),
});

export const workerConfigSchema = z.object({
  ...commonShape,
  /** Frames that RabbitMQ hands out before the first of them is acked. */
  FLASHGRID_PREFETCH: count(1, 2_000, 32),
  /** Connections to Postgres. */
  FLASHGRID_POSTGRES_POOL: count(1, 64, 4),
  FLASHGRID_WORKER_HOST: z.string().min(1).default('127.0.0.1'),
  /** Port of /healthz, /readyz and /metrics; 0 takes a free one. */
  FLASHGRID_WORKER_PORT: port.default(0),
  /** ms that a stopping worker may take to finish the frames that it has in hand. */
  FLASHGRID_STOP_TIMEOUT_MS: count(100, 120_000, 10_000),
  /** Where it dies or stands still on purpose, for a test (stop-points.ts). Unset: nowhere. */
  FLASHGRID_STOP_AT: stopAtText('worker').optional(),
});

export type GatewayConfig = z.infer<typeof gatewayConfigSchema>;
export type WorkerConfig = z.infer<typeof workerConfigSchema>;

/** A configuration that can't be used. The message names every wrong variable and why. */
export class ConfigError extends ServiceError {
  override readonly name = 'ConfigError';
  constructor(message: string) {
    super('config.invalid', message, 'Set the variables named above; `.env.example` explains each.');
  }
}

/**
 * Reads a configuration from environment variables. Unknown variables are ignored: the environment holds
 * many.
 * @throws ConfigError
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  env: NodeJS.ProcessEnv,
): z.infer<Schema> {
  // An empty variable is how shells and compose files say "not set".
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ConfigError(`The configuration is not usable:\n  ${lines.join('\n  ')}`);
}

const SECRET_NAME = /TOKEN|PASSWORD|SECRET/;

/** Makes the secrets of a configuration known to `redact`, before anything can be logged. */
export function registerConfigSecrets(config: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(config))
    if (typeof value === 'string' && (SECRET_NAME.test(key) || value.includes('://'))) registerSecrets(value);
}

/** A copy that can be logged: tokens and passwords in URLs become `***`. */
export function maskSecrets(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      if (SECRET_NAME.test(key)) return [key, '***'];
      return [key, typeof value === 'string' ? redact(value) : value];
    }),
  );
}
