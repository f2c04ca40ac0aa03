/**
 * Listens to the daemon's events, so that a container's end shows at once. Reconnects after the daemon was
 * away.
 */
import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { z } from 'zod';
import { backoffMs } from '../../../services/shared/backoff.ts';
import { withLimit } from '../../../services/shared/time-limit.ts';
import { readLines } from '../../logs/log-reader.ts';
import { CLUSTER_LABEL } from './labels.ts';
import { unref } from './logs.ts';
import { parseJson } from '../../../services/shared/parse-json.ts';

const BACKOFF = { firstMs: 250, maxMs: 5_000 };
const CONNECT_LIMIT_MS = 5_000;

const eventSchema = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).optional() }),
});

export interface ContainerEvent {
  readonly action: string;
  readonly id: string;
  readonly exitCode: number | undefined;
}

export interface WatchListener {
  onEvent(event: ContainerEvent): void;
  /** The stream of events ended. */
  onLost(): void;
  /** The stream is back. Events in between are lost: look the states up. */
  onBack(): void;
}

export class EventWatch {
  readonly #docker: Docker;
  readonly #clusterId: string;
  readonly #listener: WatchListener;
  #stream: NodeJS.ReadableStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isLost = false;
  #isClosed = false;

  private constructor(docker: Docker, clusterId: string, listener: WatchListener) {
    this.#docker = docker;
    this.#clusterId = clusterId;
    this.#listener = listener;
  }

  /** Listens from now on. */
  static async open(docker: Docker, clusterId: string, listener: WatchListener): Promise<EventWatch> {
    const watch = new EventWatch(docker, clusterId, listener);
    await watch.#connect();
    return watch;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#stream instanceof Readable) this.#stream.destroy();
  }

  async #connect(): Promise<void> {
    const opening = this.#docker.getEvents({
      filters: { type: ['container'], label: [`${CLUSTER_LABEL}=${this.#clusterId}`] },
    });
    const stream = await withLimit(
      opening,
      CONNECT_LIMIT_MS,
      'the daemon opened no stream of events in time',
    );
    if (this.#isClosed) {
      if (stream instanceof Readable) stream.destroy();
      return;
    }
    this.#stream = stream;
    unref(stream);
    this.#attempt = 0;
    const lost = (): void => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      this.#reconnect();
    };
    stream.on('error', lost);
    stream.on('close', lost);
    stream.on('end', lost);
    readLines(stream, (line) => this.#emit(line));
    if (this.#isLost) {
      this.#isLost = false;
      this.#listener.onBack();
    }
  }

  #reconnect(): void {
    if (this.#isClosed) return;
    if (!this.#isLost) {
      this.#isLost = true;
      this.#listener.onLost();
    }
    this.#timer = setTimeout(
      () => {
        // Still away: the next try comes later, up to a limit.
        this.#connect().catch(() => this.#reconnect());
      },
      backoffMs(BACKOFF, this.#attempt++),
    );
    this.#timer.unref();
  }

  #emit(line: string): void {
    // Half a line of a broken connection is skipped: the states are looked up after the reconnect.
    const event = parseJson(line, eventSchema);
    if (!event || this.#isClosed) return;
    const exitCode = Number(
      event.Actor.Attributes?.['exitCode'] ?? event.Actor.Attributes?.['containerExitCode'],
    );
    this.#listener.onEvent({
      action: event.Action,
      id: event.Actor.ID,
      exitCode: Number.isInteger(exitCode) ? exitCode : undefined,
    });
  }
}
