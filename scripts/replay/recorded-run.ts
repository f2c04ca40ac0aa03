/**
 * Plays back a run that FlashGrid did once (recording.ndjson, made by record.ts): the same events at the same pace,
 * moved to the present. Launching an attack plays it again, whatever the form says.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  diagnosisSchema,
  logLineSchema,
  runSummarySchema,
  snapshotSchema,
  type Snapshot,
} from '../../contract/state.ts';
import { events, type EventName } from '../../contract/contract.ts';
import { runRecordSchema } from '../../contract/run-record.ts';
import { Replay, type Answers } from './replay.ts';

export const RECORDING = join(import.meta.dirname, 'recording.ndjson');
/** ms between the end of the run that is listed from the start and the start of the first one that is played. */
const EARLIER_MS = 60_000;
/** Flow samples that a snapshot holds: half a minute. */
const MAX_FLOW = 300;

/** The first line: all but the events. */
const headSchema = z.object({
  /** ms since the epoch; the moment to which the events' times are relative. */
  beganAtMs: z.number(),
  snapshot: snapshotSchema,
  /** What was logged before. */
  lines: z.array(logLineSchema),
  diagnosis: diagnosisSchema,
  run: runSummarySchema,
  record: runRecordSchema,
});
export type RecordingHead = z.infer<typeof headSchema>;

/** Each further line. */
const stepSchema = z.object({
  afterMs: z.number().nonnegative(),
  name: z.enum(Object.keys(events) as [EventName, ...EventName[]]),
  /** The event's, without its number. */
  payload: z.record(z.string(), z.unknown()),
});
export type RecordedStep = z.infer<typeof stepSchema>;

interface Take extends RecordingHead {
  readonly steps: readonly RecordedStep[];
}

/** A reviver that moves every moment by so many ms. Lengths of time stay: no moment since 2001 is that small. */
const moveBy =
  (ms: number) =>
  (_key: string, value: unknown): unknown => {
    if (typeof value === 'number') return value > 1e12 ? value + ms : value;
    const isMoment = typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
    return isMoment ? new Date(Date.parse(value) + ms).toISOString() : value;
  };

/**
 * Reads a recording as if it had begun at another moment, its run under another id.
 * @throws Error when it does not fit the contract any more
 */
export function readTake(text: string, beginAtMs: number | undefined, suffix: string): Take {
  const [first = '', ...rest] = text.trim().split('\n');
  try {
    const { beganAtMs, run } = headSchema.parse(JSON.parse(first));
    const move = moveBy((beginAtMs ?? beganAtMs) - beganAtMs);
    const parse = (line: string): unknown => JSON.parse(line.replaceAll(run.id, run.id + suffix), move);
    const steps = rest.map((line) => stepSchema.parse(parse(line)));
    for (const { name, payload } of steps) events[name].parse({ ...payload, seq: 0 });
    return { ...headSchema.parse(parse(first)), steps };
  } catch (cause) {
    throw new Error('The recording does not fit the contract any more. Make a new one: npm run record', {
      cause,
    });
  }
}

export class RecordedRun extends Replay {
  readonly #text = readFileSync(RECORDING, 'utf8');
  /** All that can be looked up, the newest first. */
  readonly #saved: Pick<RecordingHead, 'run' | 'record'>[] = [];
  #handle = this.#read();
  #snapshot: Snapshot = this.#handle.snapshot;
  #plays = 0;
  #timer: NodeJS.Timeout | undefined;

  protected readonly answers: Answers = {
    'app.getSnapshot': () => ({ ...this.#snapshot, seq: this.hub.seq }),
    'settings.getSettings': () => this.#handle.snapshot.settings,
    'doctor.runChecks': () => this.#handle.diagnosis,
    'runs.listRuns': ({ search }) =>
      this.#saved.map(({ run }) => run).filter(({ id, title }) => `${id} ${title}`.includes(search)),
    'runs.getRun': ({ id }) => this.#saved.find(({ run }) => run.id === id)?.record,
    'queue.listDead': () => ({ total: 0, frames: [] }),
    'attack.launch': () => this.#play(),
  };

  override start(): void {
    for (const line of this.#handle.lines) this.logs.add(line);
    const lengthMs = this.#handle.steps.at(-1)?.afterMs ?? 0;
    this.#saved.push(this.#read(Date.now() - lengthMs - EARLIER_MS));
    this.#play();
  }

  override stop(): void {
    super.stop();
    clearTimeout(this.#timer);
  }

  #read(beginAtMs = Date.now(), suffix = ''): Take {
    return readTake(this.#text, beginAtMs, suffix);
  }

  /** Plays from the beginning, as a run of its own. The state that the attack has at first. */
  #play(): Snapshot['attack'] {
    this.#handle = this.#read(Date.now(), `-${++this.#plays}`);
    this.#snapshot = this.#handle.snapshot;
    const { steps } = this.#handle;
    const began = performance.now();
    let next = 0;
    const goOn = (): void => {
      for (let step; (step = steps[next]) && step.afterMs <= performance.now() - began; next++)
        this.#emit(step);
      const step = steps[next];
      if (step) this.#timer = setTimeout(goOn, step.afterMs - (performance.now() - began));
    };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(goOn, 0);
    const started = steps.find(({ name }) => name === 'attack.stateChanged');
    return started && events['attack.stateChanged'].parse({ ...started.payload, seq: 0 }).attack;
  }

  #emit({ name, payload }: RecordedStep): void {
    const { lines, run, flow, samples, ...state } = payload as never as Partial<Snapshot> &
      Partial<Pick<RecordingHead, 'lines' | 'run'>>;
    for (const line of lines ?? []) this.logs.add(line);
    if (lines) return;
    if (run) this.#saved.unshift(this.#handle);
    const isNewRun = state.attack && state.attack.runId !== this.#snapshot.attack?.runId;
    // Events name what they change as the snapshot does; these two add to it.
    this.#snapshot = {
      ...this.#snapshot,
      ...(name === 'attack.samplesTaken' ? {} : state),
      flow: [...this.#snapshot.flow, ...(flow ?? [])].slice(-MAX_FLOW),
      samples: [...(isNewRun ? [] : this.#snapshot.samples), ...(samples ?? [])],
    };
    this.hub.emit(name, payload);
  }
}
