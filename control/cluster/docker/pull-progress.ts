/** Adds up the progress of a pull, layer by layer. Pure: messages in, sums out. */
import { z } from 'zod';
import type { Step } from '../../../contract/backends.ts';

/** ms over which the speed is averaged. */
const SPEED_WINDOW_MS = 3_000;

export const pullMessageSchema = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  progressDetail: z
    .object({ current: z.number().optional(), total: z.number().optional() })
    .optional()
    .catch(undefined),
  error: z.string().optional(),
});
export type PullMessage = z.infer<typeof pullMessageSchema>;

interface Layer {
  doneBytes: number;
  totalBytes: number | undefined;
  isDownloaded: boolean;
  isReady: boolean;
}

export class PullProgress {
  readonly #layers = new Map<string, Layer>();
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  add(message: PullMessage, atMs: number): void {
    const { id, status = '', progressDetail } = message;
    // `Pulling from library/redis` carries the tag as its id.
    if (id === undefined || status.startsWith('Pulling from')) return;
    const layer = this.#layers.get(id) ?? {
      doneBytes: 0,
      totalBytes: undefined,
      isDownloaded: false,
      isReady: false,
    };
    this.#layers.set(id, layer);
    if (status === 'Downloading') {
      layer.doneBytes = progressDetail?.current ?? layer.doneBytes;
      layer.totalBytes = progressDetail?.total ?? layer.totalBytes;
    } else if (status === 'Already exists') {
      layer.totalBytes ??= 0;
      layer.isDownloaded = layer.isReady = true;
    } else if (status === 'Download complete' || status === 'Extracting' || status === 'Pull complete') {
      // A layer may arrive between two messages: its size then comes with its unpacking, or never.
      const reportedBytes = status === 'Extracting' ? (progressDetail?.total ?? 0) : 0;
      layer.totalBytes = Math.max(layer.totalBytes ?? 0, layer.doneBytes, reportedBytes);
      layer.doneBytes = layer.totalBytes;
      layer.isDownloaded = true;
      layer.isReady ||= status === 'Pull complete';
    }
    this.#sample(atMs);
  }

  /** Bytes so far; the total only when every layer's size is known. */
  progress(): NonNullable<Step['progress']> {
    const layers = [...this.#layers.values()];
    const doneBytes = this.#doneBytes();
    const isTotalKnown = layers.length > 0 && layers.every((layer) => layer.totalBytes !== undefined);
    const bytesPerSec = this.#bytesPerSec();
    return {
      doneBytes,
      ...(isTotalKnown
        ? { totalBytes: layers.reduce((sum, layer) => sum + (layer.totalBytes ?? 0), 0) }
        : {}),
      ...(bytesPerSec === undefined ? {} : { bytesPerSec }),
    };
  }

  /** `3 of 7 layers`, and what is being done with them. */
  describe(): string {
    const layers = [...this.#layers.values()];
    const ready = layers.filter((layer) => layer.isReady).length;
    const isUnpacking = layers.length > 0 && layers.every((layer) => layer.isDownloaded);
    if (layers.length === 0) return 'asking the registry';
    return `${isUnpacking ? 'unpacking' : 'downloading'}: ${ready} of ${layers.length} layers ready`;
  }

  #doneBytes(): number {
    return [...this.#layers.values()].reduce((sum, layer) => sum + layer.doneBytes, 0);
  }

  #sample(atMs: number): void {
    this.#samples.push({ atMs, bytes: this.#doneBytes() });
    // One sample older than the window stays: the speed is measured from it.
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) < atMs - SPEED_WINDOW_MS)
      this.#samples.shift();
  }

  #bytesPerSec(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.atMs <= first.atMs) return undefined;
    return Math.max(0, Math.round(((last.bytes - first.bytes) * 1_000) / (last.atMs - first.atMs)));
  }
}
