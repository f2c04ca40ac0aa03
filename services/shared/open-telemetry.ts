/**
 * Spans of a service, sent over OTLP/HTTP by OpenTelemetry's own SDK. Loaded only when an endpoint is configured:
 * a service without one never reads a line of it.
 */
import {
  DiagLogLevel,
  ROOT_CONTEXT,
  TraceFlags,
  diag,
  isSpanContextValid,
  trace,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import type { ReleaseStack } from './release-stack.ts';
import { redact } from './redact.ts';

/** ms between two sendings, the SDK's own default, and ms that one may take. */
const SEND_INTERVAL_MS = 5_000;
const SEND_LIMIT_MS = 5_000;
/** ms that a stopping service waits for the last of them. */
const SHUTDOWN_LIMIT_MS = 1_000;
/** ms between two log lines about what could not be sent. */
const LOG_INTERVAL_MS = 60_000;
/** Characters of a log line: the SDK's errors hold stacks. */
const MAX_LOG_TEXT = 300;

export interface TracesOptions {
  /** Base URL of an OTLP/HTTP receiver; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly service: 'gateway' | 'worker';
  readonly instanceId: string;
  readonly log: Logger;
  readonly undo: ReleaseStack;
}

/** Starts to send spans. OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS are kept. */
export function startTraces({ endpoint, service, instanceId, log, undo }: TracesOptions): Tracer {
  let loggedMs = -Infinity;
  const warn = (text: string): void => {
    const nowMs = performance.now();
    if (nowMs - loggedMs < LOG_INTERVAL_MS) return;
    loggedMs = nowMs;
    log.warn(
      { endpoint, error: text.slice(0, MAX_LOG_TEXT) },
      'traces are not sent: look at the OTLP endpoint',
    );
  };
  const silent = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const own = { 'service.name': `flashgrid-${service}`, 'service.instance.id': instanceId };
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: SEND_LIMIT_MS,
  });
  const provider = new TracerProvider({
    // What is sampled is decided before a span begins.
    sampler: new AlwaysOnSampler(),
    resource: resourceFromAttributes(own).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: SEND_INTERVAL_MS,
        exportTimeoutMillis: SEND_LIMIT_MS,
      }),
    ],
  });
  undo.add('traces', () => provider.shutdown(), SHUTDOWN_LIMIT_MS);
  log.info({ endpoint: redact(endpoint) }, 'traces are sent');
  return provider.getTracer('flashgrid');
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads the header of W3C Trace Context; `undefined` when it is none, which is then as if there were none. */
export function parseTraceparent(text: string): SpanContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(text) ?? [];
  if (version === '00' && rest !== undefined) return undefined;
  const context = { traceId, spanId, traceFlags: parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** The header with which the next part goes on below `span`. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** A context in which spans are children of `parent`. */
export function below(parent: Span | SpanContext | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  return 'spanContext' in parent
    ? trace.setSpan(ROOT_CONTEXT, parent)
    : trace.setSpanContext(ROOT_CONTEXT, parent);
}
