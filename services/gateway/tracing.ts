/**
 * Traces of a gateway: a span for each sampled reservation, from its request to its answer, and one for the message with
 * its frame, from its publishing to its confirm. Loaded only when traces are sent.
 *
 * The message's span is below that of its first sampled reservation, and each of them has a link to it: many
 * reservations share a message. Its id travels in the message's headers, so that the worker's spans come below it.
 */
import { SpanKind, SpanStatusCode, TraceFlags, type Span, type Tracer } from '@opentelemetry/api';
import {
  below,
  parseTraceparent,
  startTraces,
  traceparentOf,
  type TracesOptions,
} from '../shared/open-telemetry.ts';
import type { FrameEnd, MessageTrace } from './frame-collector.ts';
import type { Rejection } from './problems.ts';
import type { ReserveReply } from './reserve-reply.ts';

/** Most reservations that are traced in one second: clients ask for traces too, by their `traceparent`. */
const MAX_TRACES_PER_SEC = 200;

/** See the top of the file. */
export class GatewayTracing {
  readonly #tracer: Tracer;
  readonly #every: number;
  /** Reservations until the next that is sampled. */
  #left = 1;
  #second = 0;
  #inSecond = 0;
  /** Sampled reservations that are in no message yet. While there is none, messages are not searched. */
  #unframed = 0;

  /** @param every one reservation in so many is sampled, besides those whose client says so */
  constructor(options: TracesOptions, every: number) {
    this.#tracer = startTraces(options);
    this.#every = every;
  }

  /** The reply of a request, or when it is sampled one that also ends its span. */
  follow(reply: ReserveReply, traceparent: string | undefined): ReserveReply {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent !== undefined) {
      if (parent.traceFlags !== TraceFlags.SAMPLED) return reply;
    } else if (--this.#left > 0) return reply;
    else this.#left = this.#every;
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#inSecond] = [second, 0];
    if (++this.#inSecond > MAX_TRACES_PER_SEC) return reply;
    const attributes = { 'http.request.method': 'POST', 'http.route': '/reserve' };
    const span = this.#tracer.startSpan(
      'POST /reserve',
      { kind: SpanKind.SERVER, attributes },
      below(parent),
    );
    this.#unframed++;
    return new TracedReply(reply, span, () => this.#unframed--);
  }

  /** Begins the span of a message that is about to be published, if it holds a sampled reservation. */
  message(
    frames: readonly { readonly id: string; readonly replies: readonly ReserveReply[] }[],
  ): MessageTrace | undefined {
    if (this.#unframed === 0) return undefined;
    const traced: TracedReply[] = [];
    const places: number[] = [];
    for (const [place, { replies }] of frames.entries()) {
      const found = replies.filter((reply) => reply instanceof TracedReply);
      if (found.length > 0) places.push(place);
      traced.push(...found);
    }
    const [first] = traced;
    if (first === undefined) return undefined;
    const span = this.#tracer.startSpan(
      'publish frames',
      {
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'send',
          'messaging.message.id': frames[0]?.id ?? '',
          'flashgrid.frames': frames.length,
          'flashgrid.reservations': frames.reduce((count, { replies }) => count + replies.length, 0),
        },
      },
      below(first.span),
    );
    for (const reply of traced) reply.join(span);
    return {
      headers: { traceparent: traceparentOf(span), traced: places.join(',') },
      end: (end: FrameEnd) => {
        span.setAttribute('flashgrid.end', end);
        if (end !== 'confirmed') span.setStatus({ code: SpanStatusCode.ERROR, message: end });
        span.end();
      },
    };
  }
}

class TracedReply implements ReserveReply {
  readonly span: Span;
  readonly #reply: ReserveReply;
  /** Called once: when a message takes the reservation, or when it is answered without one. */
  #onLeft: (() => void) | undefined;

  constructor(reply: ReserveReply, span: Span, onLeft: () => void) {
    this.#reply = reply;
    this.span = span;
    this.#onLeft = onLeft;
  }

  join(message: Span): void {
    this.span.addLink({ context: message.spanContext() });
    this.#leave();
  }

  accept(reservationId: string): void {
    this.#reply.accept(reservationId);
    this.span.setAttribute('flashgrid.reservation.id', reservationId);
    this.#end(202);
  }

  reject(given: Rejection): void {
    this.#reply.reject(given);
    this.span.setAttribute('error.type', given.kind);
    if (given.status >= 500) this.span.setStatus({ code: SpanStatusCode.ERROR, message: given.kind });
    this.#end(given.status);
  }

  #end(status: number): void {
    this.span.setAttribute('http.response.status_code', status);
    this.span.end();
    this.#leave();
  }

  #leave(): void {
    this.#onLeft?.();
    this.#onLeft = undefined;
  }
}
