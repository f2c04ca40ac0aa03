/**
 * Traces of a worker: for each frame with a sampled reservation a span below that of the gateway, and below it one for
 * each step. Loaded only when traces are sent.
 */
import { SpanKind, SpanStatusCode, type Span, type Tracer } from '@opentelemetry/api';
import type { Frame } from '../shared/frame.ts';
import { below, parseTraceparent, startTraces, type TracesOptions } from '../shared/open-telemetry.ts';
import { errorText } from '../shared/error-text.ts';
import type { FrameSteps, StepName } from './frame-processor.ts';

const STEPS: Readonly<Record<StepName, { name: string; system: string }>> = {
  lua: { name: 'decide-frame.lua', system: 'redis' },
  commit: { name: 'INSERT tickets', system: 'postgresql' },
  rebuild: { name: 'rebuild sale', system: 'postgresql' },
  outcome: { name: 'publish outcome', system: 'redis' },
};

/** See the top of the file. */
export class WorkerTracing {
  readonly #tracer: Tracer;

  constructor(options: TracesOptions) {
    this.#tracer = startTraces(options);
  }

  /** Processes a frame that has a sampled reservation, within its span. */
  async process(
    frame: Frame,
    isRedelivered: boolean,
    work: (steps: FrameSteps | undefined) => Promise<void>,
  ): Promise<void> {
    const parent = frame.traceparent === undefined ? undefined : parseTraceparent(frame.traceparent);
    if (parent === undefined) return await work(undefined);
    const span = this.#tracer.startSpan(
      'process frame',
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'process',
          'messaging.message.id': frame.id,
          'flashgrid.reservations': frame.count,
          'flashgrid.sale.id': frame.saleId,
          'flashgrid.redelivered': isRedelivered,
        },
      },
      below(parent),
    );
    let step: Span | undefined;
    try {
      await work((name) => {
        step?.end();
        const { name: title, system } = STEPS[name];
        const attributes = { 'db.system.name': system };
        step = this.#tracer.startSpan(title, { kind: SpanKind.CLIENT, attributes }, below(span));
      });
    } catch (error) {
      for (const one of [step, span])
        one?.setStatus({ code: SpanStatusCode.ERROR, message: errorText(error) });
      throw error;
    } finally {
      step?.end();
      span.end();
    }
  }
}
