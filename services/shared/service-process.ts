/**
 * What every service process does: read its configuration, log, report to its supervisor that it is ready or
 * why it failed, send samples, and stop politely.
 *
 * States: starting → running → stopping → (exit 0 | exit 1); starting → failed (exit 1). SIGTERM, SIGINT,
 * SIGHUP, the message `stop` and the loss of the supervisor's channel stop it. A second signal ends it at
 * once.
 */
import { writeSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { maskSecrets, parseConfig, registerConfigSecrets } from './config.ts';
import { isConnectionError } from './connection-error.ts';
import { SAMPLE_INTERVAL_MS, parentMessageSchema } from './messages.ts';
import type { ChildMessage, GatewaySample, WorkerSample } from './messages.ts';
import { moveClock } from './moved-clock.ts';
import { errorFacts, redact } from './redact.ts';
import { withLimit } from './time-limit.ts';
import { ServiceError } from './service-error.ts';
import { requestStop } from './stop-points.ts';
import type { StopRequest } from './stop-points.ts';
import { errorText } from './error-text.ts';

/** Parts of a sample that the service itself knows; the rest is measured here. */
type OwnPart<Sample> = Omit<Sample, 'type' | 'role' | 'atMs' | 'eventLoopLagMs' | 'cpuMicros' | 'rssBytes'>;

interface SampleByRole {
  readonly gateway: OwnPart<GatewaySample>;
  readonly worker: OwnPart<WorkerSample>;
}
export type ServiceRole = keyof SampleByRole;

/** A service that is up. */
export interface RunningService<Role extends ServiceRole> {
  /** Port that it serves HTTP on. */
  readonly port: number;
  sample(): SampleByRole[Role];
  /** Finishes what is in hand, then releases everything. The service itself limits how long this takes. */
  stop(): Promise<void>;
}

export interface ServiceContext<Config> {
  readonly config: Config;
  readonly log: Logger;
  /** Ends the process with a reason, for a service that can't go on. */
  fail(error: unknown): void;
}

type ConfigSchema = z.ZodType<Record<string, unknown> & { FLASHGRID_STOP_AT?: StopRequest | undefined }>;

export interface ServiceDefinition<Role extends ServiceRole, Schema extends ConfigSchema> {
  readonly role: Role;
  readonly configSchema: Schema;
  /** Resolves when the service takes work. */
  start(context: ServiceContext<z.infer<Schema>>): Promise<RunningService<Role>>;
  /** ms that `stop` may take before the process ends anyway. */
  stopLimitMs(config: z.infer<Schema>): number;
}

/** ms that a start may take. */
const START_LIMIT_MS = 60_000;
/** ms between two readings of the event loop's delay. */
const LAG_RESOLUTION_MS = 10;
/** ms that the last message to the supervisor may take. */
const FAREWELL_LIMIT_MS = 500;

/**
 * Where the log goes. A line that can't be written (a full disk, a lost supervisor) is dropped. pino's own
 * stream would end the process over it, or retry for ever at exit.
 */
const standardOutput = {
  write(line: string): void {
    try {
      // Not `process.stdout`: using it makes a pipe refuse lines while its reader is slow.
      writeSync(1, line);
    } catch {
      // There is nowhere left to report it.
    }
  },
};

/** Runs a service as this process, to its end. */
export async function runService<Role extends ServiceRole, Schema extends ConfigSchema>(
  definition: ServiceDefinition<Role, Schema>,
): Promise<void> {
  // From the raw environment: the error about a configuration that can't be parsed is logged, too.
  registerConfigSecrets(ownVariables(process.env));
  const log = pino(
    {
      serializers: { err: errorFacts },
      hooks: { streamWrite: redact },
      name: process.env['FLASHGRID_INSTANCE_ID'] ?? definition.role,
      level: process.env['FLASHGRID_LOG_LEVEL'] || 'info',
    },
    standardOutput,
  );
  const fail = (error: unknown): void => {
    const failure = describeFailure(definition.role, error);
    log.fatal({ err: error }, failure.message);
    void leave(1, { type: 'failed', ...failure, message: redact(failure.message) });
  };
  // An unexpected error may have left the service in any state. Its supervisor restarts it, and nothing that
  // was accepted is lost. A connection's error is different: anybody who can break a connection could
  // otherwise end the service.
  const onSurprise = (error: unknown): void => {
    if (isConnectionError(error)) log.error({ err: error }, 'uncaught error of a connection');
    else fail(error);
  };
  process.on('uncaughtException', onSurprise);
  process.on('unhandledRejection', onSurprise);

  const stopRequest = nextStopRequest(log);
  try {
    const config = parseConfig(definition.configSchema, process.env);
    log.info({ config: maskSecrets(config) }, 'starting');
    stopOnPurpose(config.FLASHGRID_STOP_AT, log);
    const service = await withLimit(
      definition.start({ config, log, fail }),
      START_LIMIT_MS,
      () =>
        new ServiceError(
          'service.startTimeout',
          `The ${definition.role} was not up within ${START_LIMIT_MS} ms.`,
          'See its log for what it waited for.',
        ),
    );
    await send({ type: 'ready', pid: process.pid, port: service.port });
    log.info({ port: service.port }, 'ready');
    const endSampling = startSampling(definition.role, service);

    const reason = await stopRequest;
    log.info({ reason }, 'stopping');
    const limitMs = definition.stopLimitMs(config);
    await withLimit(
      service.stop(),
      limitMs,
      () =>
        new ServiceError(
          'service.stopTimeout',
          `The ${definition.role} had not stopped after ${limitMs} ms.`,
          'Nothing is lost: RabbitMQ hands the frames that it had out again.',
        ),
    );
    endSampling();
    log.info('stopped');
    await leave(0);
  } catch (error) {
    fail(error);
  }
}

function ownVariables(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('FLASHGRID_')));
}

/** Resolves with the reason when the service is asked to stop. */
function nextStopRequest(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (++signals > 1) {
        log.warn({ signal }, 'second signal: leaving at once');
        process.exit(1);
      }
      resolve(signal);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
    process.on('message', (message) => {
      const { data } = parentMessageSchema.safeParse(message);
      if (data === undefined) log.warn('the supervisor sent an unknown message');
      else if (data.type === 'stop') resolve('supervisor');
      else if (data.type === 'moveClock') {
        log.warn({ byMs: data.byMs }, 'its clock is moved on purpose');
        moveClock(data.byMs);
      } else stopOnPurpose(data.type === 'stopAt' ? data : undefined, log);
    });
    process.on('disconnect', () => resolve('lost the supervisor'));
  });
}

function stopOnPurpose(request: StopRequest | undefined, log: Logger): void {
  requestStop(request, (text) => {
    log.warn(text);
    if (request === undefined || !process.connected) return;
    process.send?.(
      { type: 'reached', point: request.point } satisfies ChildMessage,
      undefined,
      undefined,
      ignoreClosedChannel,
    );
  });
}

function startSampling<Role extends ServiceRole>(role: Role, service: RunningService<Role>): () => void {
  if (!process.connected) return () => undefined;
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  let rssBytes = 0;
  const sampleNow = (): void => {
    const cpu = process.cpuUsage();
    const sample = {
      type: 'sample',
      role,
      atMs: Date.now(),
      // The histogram includes the timer's own interval. It is empty when the loop has not turned since.
      eventLoopLagMs: delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - LAG_RESOLUTION_MS),
      cpuMicros: cpu.user + cpu.system,
      rssBytes: (rssBytes = readRss(rssBytes)),
      ...service.sample(),
    };
    delay.reset();
    if (process.connected) process.send?.(sample, undefined, undefined, ignoreClosedChannel);
  };
  const timer = setInterval(sampleNow, SAMPLE_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    // A last sample: the supervisor's totals would otherwise miss what was finished while stopping.
    sampleNow();
    delay.disable();
  };
}

/** Node reads it from a file, which fails while all descriptors are in use. The last reading then serves. */
function readRss(lastBytes: number): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return lastBytes;
  }
}

/** The channel closes when the supervisor dies; `disconnect` follows and stops the service. */
function ignoreClosedChannel(): void {}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected || !process.send) return resolve();
    process.send(message, undefined, undefined, () => resolve());
  });
}

async function leave(code: number, message?: ChildMessage): Promise<void> {
  // A supervisor that hangs must not keep its children alive.
  setTimeout(() => process.exit(code), FAREWELL_LIMIT_MS).unref();
  if (message) await send(message);
  process.exit(code);
}

function describeFailure(role: ServiceRole, error: unknown): Pick<ServiceError, 'code' | 'message' | 'fix'> {
  if (error instanceof ServiceError) return { code: error.code, message: error.message, fix: error.fix };
  const message = `The ${role} can't go on: ${errorText(error)}`;
  return { code: 'service.crashed', message, fix: 'See its log.' };
}
