/**
 * A control centre without backends, to look at the window alone. It plays back a run that FlashGrid did once
 * (recording.ndjson, made by record.ts): the same events at the same pace, moved to the present. Launching an attack
 * plays it again, whatever the form says.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import {
  diagnosisSchema,
  logLineSchema,
  runSummarySchema,
  snapshotSchema,
  type Snapshot,
} from '../../contract/state.ts';
import {
  commands,
  events,
  isCommandName,
  type CommandName,
  type CommandOutput,
  type EventName,
  type Result,
} from '../../contract/contract.ts';
import { runRecordSchema } from '../../contract/run-record.ts';
import { runMatcher } from '../../contract/run-text.ts';
import { EventHub } from '../../control/lib/event-hub.ts';
import { LogStore } from '../../control/logs/log-store.ts';
import type { FrontendTarget } from '../../web/server.ts';

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

/** What a load of another rate multiplies. */
const COUNTS =
  /^(sent|accepted|rejected|unknown|rps|queueDepth|unconfirmed|remaining|decided|granted|grantedUnits|refused|committed|stock|.+PerSec)$/;
/** The longest that the form allows: the run does not end while it is watched. */
const ENDLESS_SEC = 3_600;

/**
 * The recorded attack as it would be at another rate and without an end, for measuring the window under a load that
 * this machine may not reach: counts and log lines are multiplied, and what follows the sell-out is repeated. It says
 * how the window bears such a run, and nothing about FlashGrid.
 */
export function* atRate(steps: readonly RecordedStep[], ratePerSec: number): Generator<RecordedStep> {
  const states = steps.map(({ name, payload }) =>
    name === 'attack.stateChanged' ? events[name].parse({ ...payload, seq: 0 }).attack : undefined,
  );
  const first = states.findIndex((attack) => attack?.remaining === 0);
  const last = states.findLastIndex((attack) => attack?.phase === 'attacking');
  const [soldOut, end] = [states[first], states[last]];
  const roundMs = (steps[last]?.afterMs ?? 0) - (steps[first]?.afterMs ?? 0);
  if (soldOut?.settings.profile !== 'sustained' || !end || roundMs <= 0)
    throw new Error('The recording holds no sustained attack that goes on after the sell-out.');
  const scale = ratePerSec / soldOut.settings.ratePerSec;
  for (let round = 0; ; round++)
    for (const step of steps.slice(round === 0 ? 0 : first + 1, last + 1)) {
      const afterMs = step.afterMs + round * roundMs;
      const move = moveBy(round * roundMs);
      const { attack, lines, ...rest } = JSON.parse(JSON.stringify(step.payload), (key, value: unknown) => {
        if (key === 'tMs') return Number(value) + round * roundMs;
        if (key === 'durationSec') return ENDLESS_SEC;
        if (key === 'progress') return Math.min(1, afterMs / (ENDLESS_SEC * 1_000));
        return typeof value === 'number' && COUNTS.test(key) ? Math.round(value * scale) : move(key, value);
      }) as Partial<Pick<Snapshot, 'attack'> & Pick<RecordingHead, 'lines'>>;
      for (const key of ['sent', 'accepted', 'rejected'] as const)
        if (attack) attack[key] += Math.round(round * scale * (end[key] - soldOut[key]));
      const more = Array.from({ length: Math.ceil(scale) }, () => lines ?? []);
      yield {
        ...step,
        afterMs,
        payload: { ...rest, ...(attack ? { attack } : {}), ...(lines ? { lines: more.flat() } : {}) },
      };
    }
}

type Input<Name extends CommandName> = ReturnType<(typeof commands)[Name]['input']['parse']>;

const NOTHING_BEHIND: Result<never> = {
  ok: false,
  error: {
    code: 'replay.onlyShown',
    message: 'This is a replay: no backend and no gateway runs behind it.',
    fix: 'Start FlashGrid itself, or launch an attack: the replay then starts again.',
  },
};

export class RecordedRun implements FrontendTarget {
  readonly hub = new EventHub();
  readonly #logs = new LogStore((lines) => this.hub.emit('logs.linesAdded', { lines }));
  readonly #text = readFileSync(RECORDING, 'utf8');
  readonly #ratePerSec: number | undefined;
  /** All that can be looked up, the newest first. */
  readonly #saved: Pick<RecordingHead, 'run' | 'record'>[] = [];
  #handle = this.#read();
  #snapshot: Snapshot = this.#handle.snapshot;
  #plays = 0;
  #timer: NodeJS.Timeout | undefined;

  /** What the commands answer that are answered at all. */
  readonly #answers: {
    readonly [Name in CommandName]?: (input: Input<Name>) => CommandOutput<Name> | undefined;
  } = {
    'app.getSnapshot': () => ({ ...this.#snapshot, seq: this.hub.seq }),
    'settings.getSettings': () => this.#handle.snapshot.settings,
    'logs.listLines': (input) => this.#logs.list(input),
    'doctor.runChecks': () => this.#handle.diagnosis,
    'runs.listRuns': ({ search }) => this.#saved.map(({ run }) => run).filter(runMatcher(search)),
    'runs.getRun': ({ id }) => this.#saved.find(({ run }) => run.id === id)?.record,
    'runs.getBaseline': () => [],
    'matrix.getTable': () => ({
      providers: [],
      attacks: 0,
      summary: [],
      rows: [],
      coverage: {},
      never: [],
    }),
    'lab.listResults': () => [],
    'race.getRace': () => ({ is: 'closed' }),
    'race.close': () => ({}),
    'queue.listDead': () => ({ total: 0, frames: [] }),
    'attack.launch': () => this.#play(),
  };

  /** @param ratePerSec plays the recorded attack at this rate, without an end */
  constructor(ratePerSec?: number) {
    this.#ratePerSec = ratePerSec;
    // Before any page subscribes: an event that the contract does not allow must end the process.
    this.hub.tap((name, payload) => void events[name].parse(payload));
  }

  start(): void {
    for (const line of this.#handle.lines) this.#logs.add(line);
    const lengthMs = this.#handle.steps.at(-1)?.afterMs ?? 0;
    this.#saved.push(this.#read(Date.now() - lengthMs - EARLIER_MS));
    this.#play();
  }

  stop(): void {
    this.#logs.close();
    clearTimeout(this.#timer);
  }

  noteSurprise(error: unknown): void {
    process.stderr.write(`${String(error)}\n`);
  }

  dispatch(name: string, input: unknown): Promise<Result<unknown>> {
    return Promise.resolve(isCommandName(name) ? this.#answer(name, input) : NOTHING_BEHIND);
  }

  #answer(name: CommandName, input: unknown): Result<unknown> {
    const answer = this.#answers[name] as ((input: unknown) => unknown) | undefined;
    const value = answer?.(commands[name].input.parse(input));
    return value === undefined ? NOTHING_BEHIND : { ok: true, value: commands[name].output.parse(value) };
  }

  #read(beginAtMs = Date.now(), suffix = ''): Take {
    return readTake(this.#text, beginAtMs, suffix);
  }

  /** Plays from the beginning, as a run of its own. The state that the attack has at first. */
  #play(): Snapshot['attack'] {
    this.#handle = this.#read(Date.now(), `-${++this.#plays}`);
    this.#snapshot = this.#handle.snapshot;
    const { steps } = this.#handle;
    const played = (this.#ratePerSec === undefined ? steps : atRate(steps, this.#ratePerSec))[
      Symbol.iterator
    ]();
    const began = performance.now();
    let next = played.next();
    const goOn = (): void => {
      for (; !next.done && next.value.afterMs <= performance.now() - began; next = played.next())
        this.#emit(next.value);
      if (!next.done) this.#timer = setTimeout(goOn, next.value.afterMs - (performance.now() - began));
    };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(goOn, 0);
    const started = steps.find(({ name }) => name === 'attack.stateChanged');
    return started && events['attack.stateChanged'].parse({ ...started.payload, seq: 0 }).attack;
  }

  #emit({ name, payload }: RecordedStep): void {
    const { lines, run, flow, samples, ...state } = payload as never as Partial<Snapshot> &
      Partial<Pick<RecordingHead, 'lines' | 'run'>>;
    for (const line of lines ?? []) this.#logs.add(line);
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
