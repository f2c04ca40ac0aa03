/** The story in five scenes, and how each is played: by a round of the lab, or by an attack on FlashGrid. */
import type { CommandInput, CommandName, CommandOutput, ControlClient } from '../../../contract/contract.ts';
import type { DesignId } from '../../../contract/designs.ts';
import { FailureError } from '../../../contract/failure.ts';
import { outcomeTitle } from '../../../contract/fault-syntax.ts';
import { milliseconds, plural, whole } from '../../../contract/format.ts';
import type { LabState } from '../../../contract/lab.ts';
import { withheldOf } from '../../../contract/run-notes.ts';
import type { RunRecord, Verdict } from '../../../contract/run-record.ts';
import type { AttackState } from '../../../contract/state.ts';
import { describeVerdict } from '../../../contract/verdict-text.ts';
import { isAttackActive } from '../../lib/attack-phase.ts';

export interface Scene {
  readonly title: string;
  readonly sentence: string;
  /** Of the lab. Without it, FlashGrid itself is attacked. */
  readonly design?: DesignId;
  readonly faults?: string;
}

export const SCENES: readonly Scene[] = [
  {
    title: 'The naive way',
    sentence: 'Each buyer reads how many are left, and then writes one less.',
    design: 'read-then-write',
  },
  {
    title: 'A lock',
    sentence: 'Each buyer locks the row first, and all others stand in line for it.',
    design: 'row-lock',
  },
  {
    title: 'One atomic statement',
    sentence: 'One UPDATE looks and takes at the same moment: nobody can come between.',
    design: 'atomic-update',
  },
  {
    title: 'A queue',
    sentence: 'FlashGrid queues each request, answers at once, and decides behind it.',
  },
  {
    title: 'A broken worker',
    sentence: 'The same, and every worker is killed in the middle of the crowd.',
    faults: 'kill:workers@25%',
  },
];

/** The same crowd in every scene. */
export const CROWD = { buyers: 5_000, stock: 20, connections: 300, seed: 1 } as const;

/** ms that a scene may take, the start of the cluster aside. */
const SCENE_LIMIT_MS = 120_000;

export interface Outcome {
  readonly sold: number;
  readonly oversold: number;
  readonly verdict: Verdict;
  readonly headline: string;
  /** What else is worth a look, in a few words each. */
  readonly facts: readonly string[];
}

/**
 * Plays a scene to its end. What it began is cancelled when it takes too long, or is left.
 * @throws FailureError when it could not be played, or the signal's reason
 */
export async function playScene(
  client: ControlClient,
  scene: Scene,
  bet: number | undefined,
  signal: AbortSignal,
  limitMs = SCENE_LIMIT_MS,
): Promise<Outcome> {
  const ask = async <Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<CommandOutput<Name>> => {
    signal.throwIfAborted();
    const result = await client.call(name, input);
    if (!result.ok) throw new FailureError(result.error);
    return result.value;
  };
  const { cluster } = await ask('app.getSnapshot', {});
  if (cluster.state !== 'running') await ask('cluster.start', {});
  const play = scene.design === undefined ? playAttack : playRound;
  const within = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    return outcomeOf(await play({ client, ask, within }, scene, bet));
  } catch (error) {
    if (within.aborted && !signal.aborted)
      throw new FailureError({
        code: 'attack.cancelled',
        message: `The scene was not over within ${milliseconds(limitMs)}.`,
        fix: 'Go on to the next one.',
      });
    throw error;
  }
}

interface Play {
  readonly client: ControlClient;
  readonly ask: <Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ) => Promise<CommandOutput<Name>>;
  readonly within: AbortSignal;
}

async function playRound({ client, ask, within }: Play, { design }: Scene, bet?: number): Promise<RunRecord> {
  const { buyers, ...crowd } = CROWD;
  if (design === undefined) throw new Error('it has no design');
  const told = follow<LabState>(within, (tell) => client.on('lab.stateChanged', ({ lab }) => tell(lab)));
  const bets = bet === undefined ? {} : { [design]: bet };
  try {
    await ask('lab.start', { designs: [design], rounds: 1, buyers, ...crowd, bets });
    const { failure, done, total } = await told
      .until(({ phase }) => phase === 'idle')
      .catch((error: unknown) => callOff(client, error));
    if (failure) throw new FailureError(failure);
    const [result] = await ask('lab.listResults', {});
    if (!result || done < total) throw cancelled();
    return await ask('runs.getRun', { id: result.runId });
  } finally {
    told.end();
  }
}

async function playAttack({ client, ask, within }: Play, { faults }: Scene): Promise<RunRecord> {
  const { buyers: requests, ...crowd } = CROWD;
  const told = follow<AttackState>(within, (tell) =>
    client.on('attack.stateChanged', ({ attack }) => tell(attack)),
  );
  try {
    const { runId } = await ask('attack.launch', {
      profile: 'burst',
      requests,
      ...crowd,
      ...(faults === undefined ? {} : { faults }),
    });
    const { phase, failure } = await told
      .until((attack) => attack.runId === runId && !isAttackActive(attack))
      .catch((error: unknown) => callOff(client, error));
    if (failure) throw new FailureError(failure);
    if (phase === 'cancelled') throw cancelled();
    return await ask('runs.getRun', { id: runId });
  } finally {
    told.end();
  }
}

/** Only what this scene began: another's attack is no reason to stop it. */
async function callOff(client: ControlClient, error: unknown): Promise<never> {
  await client.call('attack.cancel', {});
  throw error;
}

const cancelled = () =>
  new FailureError({
    code: 'attack.cancelled',
    message: 'The scene was stopped before its end.',
    fix: 'Go on to the next one.',
  });

/** Hears of states from now on, so that the last one is not missed while a command is answered. */
function follow<State>(signal: AbortSignal, listen: (tell: (state: State) => void) => () => void) {
  let last: State | undefined;
  let check = (): void => undefined;
  const end = listen((state) => {
    last = state;
    check();
  });
  return {
    end,
    until: (isIt: (state: State) => boolean) =>
      new Promise<State>((resolve, reject) => {
        const fail = (): void => reject(signal.reason as Error);
        check = () => {
          if (last !== undefined && isIt(last)) resolve(last);
        };
        if (signal.aborted) fail();
        signal.addEventListener('abort', fail, { once: true });
        check();
      }),
  };
}

function outcomeOf(record: RunRecord): Outcome {
  const { load, audit, faults = [] } = record;
  const isSpeedKnown = withheldOf(record).length === 0;
  return {
    sold: audit.sold,
    oversold: audit.oversold,
    verdict: record.verdict,
    headline:
      audit.oversold > 0
        ? `${plural(audit.oversold, 'ticket')} sold that ${audit.oversold === 1 ? 'does' : 'do'} not exist.`
        : describeVerdict(record).headline,
    facts: [
      plural(load.sent, 'request'),
      ...faults.map(outcomeTitle),
      audit.lost === 0 ? 'no accepted request lost' : `${whole(audit.lost)} accepted requests lost`,
      isSpeedKnown
        ? `half of the answers within ${milliseconds(load.latencyMs.p50)}`
        : 'speed not judged: the machine was the limit',
    ],
  };
}
