import { TableHead } from '../../components/text-table.tsx';
import { Button } from '@mantine/core';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { failureSchema, FailureError } from '../../../contract/failure.ts';
import { whole } from '../../../contract/format.ts';
import { client } from '../../client.ts';
import { navigate } from '../../lib/router.ts';
import { useData } from '../../store/store.ts';
import { CROWD, SCENES, playScene, type Outcome } from './scenes.ts';
import classes from './stage-page.module.css';

/** One scene: what was bet, and what came of it. */
interface Played {
  readonly bet?: number;
  readonly outcome?: Outcome;
  readonly failure?: string;
}

const NEXT_KEYS = [' ', 'ArrowRight', 'PageDown', 'Enter'];
const BACK_KEYS = ['ArrowLeft', 'PageUp'];
const MAX_DIGITS = 6;

/**
 * The story on a projector, without a mouse. A scene asks for the bet, runs, and shows the bet beside the truth:
 *
 *   bet ──next──► running ──over──► result ──next──► bet of the next scene … ──► the end ──next──► left
 */
export default function StagePage() {
  const [at, setAt] = useState(0);
  const [typed, setTyped] = useState('');
  const [isRunning, setRunning] = useState(false);
  const [played, setPlayed] = useState<readonly Played[]>([]);
  const abort = useRef<AbortController>(undefined);
  const stage = useRef<HTMLDivElement>(null);
  const scene = SCENES[at];
  const now = played[at];
  useEffect(() => {
    stage.current?.focus();
    return () => {
      // Nothing runs on behind a story that was left.
      abort.current?.abort();
    };
  }, []);

  const note = (own: Played) => setPlayed((before) => Object.assign([...before], { [at]: own }));
  const play = async (): Promise<void> => {
    if (!scene) return;
    const own = typed === '' ? {} : { bet: Number(typed) };
    const controller = new AbortController();
    abort.current = controller;
    setRunning(true);
    try {
      note({ ...own, outcome: await playScene(client, scene, own.bet, controller.signal) });
    } catch (error) {
      if (controller.signal.aborted) return;
      note({ ...own, failure: failureText(error) });
    }
    abort.current = undefined;
    setRunning(false);
  };
  const go = (to: number): void => {
    setTyped('');
    setAt(Math.max(0, to));
  };
  const next = (): void => {
    if (isRunning) return;
    // A button that is disabled hears no keys.
    stage.current?.focus();
    if (!scene) navigate('lab');
    else if (now) go(at + 1);
    else void play();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button acts by itself.
    if (event.target instanceof HTMLButtonElement && [' ', 'Enter'].includes(key)) return;
    if (key === 'Escape') navigate('lab');
    else if (NEXT_KEYS.includes(key)) {
      if (!event.repeat) next();
    } else if (BACK_KEYS.includes(key) && !isRunning) go(at - 1);
    else if (/^\d$/.test(key) && !now && !isRunning)
      setTyped((before) => `${before}${key}`.slice(0, MAX_DIGITS));
    else if (key === 'Backspace') setTyped((before) => before.slice(0, -1));
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={stage}
      className={classes.stage}
      role="dialog"
      aria-modal
      aria-label="The story in five scenes"
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <header className={classes.head}>
        <p>
          {scene ? `Scene ${at + 1} of ${SCENES.length}` : 'The end'} · {whole(CROWD.buyers)} buyers for{' '}
          {CROWD.stock} tickets
        </p>
        <h1>{scene ? scene.title : 'What was bet, and what was sold'}</h1>
        {scene ? <p className={classes.sentence}>{scene.sentence}</p> : null}
      </header>
      <main className={classes.main} aria-live="polite">
        {!scene ? (
          <Summary played={played} />
        ) : isRunning ? (
          <Running />
        ) : now ? (
          <Result {...now} />
        ) : (
          <>
            <Figures figures={[['your bet', typed === '' ? '?' : whole(Number(typed))]]} />
            <p className={classes.headline}>How many tickets will it sell? Type your bet.</p>
          </>
        )}
      </main>
      <footer className={classes.foot}>
        <Button size="lg" disabled={isRunning} onClick={next}>
          {!scene ? 'Leave' : now ? 'Go on' : 'Run it'}
        </Button>
        <p>Space goes on, ← goes back, Esc leaves.</p>
      </footer>
    </div>
  );
}

function failureText(error: unknown): string {
  const { data } = failureSchema.safeParse(error instanceof FailureError ? error.failure : undefined);
  return data ? `${data.message} ${data.fix}` : 'It met an error that nothing foresaw. Look at the logs.';
}

type Figure = readonly [name: string, value: string, verdict?: 'pass' | 'fail'];

function Figures({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <dl className={classes.figures}>
      {figures.map(([name, value, verdict]) => (
        <div key={name} data-verdict={verdict}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How far the scene is, as the attack itself says it. */
function Running() {
  const attack = useData((data) => data.attack);
  const isStarting = useData((data) => data.cluster.state !== 'running') ?? true;
  const phase = attack?.phase;
  const isOver = phase === undefined || ['finished', 'failed', 'cancelled'].includes(phase);
  if (isStarting) return <p className={classes.headline}>Starting the cluster…</p>;
  if (isOver || phase === 'preparing') return <p className={classes.headline}>Opening the sale…</p>;
  return (
    <>
      <Figures figures={[['answered', `${Math.round(attack ? attack.progress * 100 : 0)} %`]]} />
      <p className={classes.headline}>
        {phase === 'attacking' ? 'The buyers come.' : 'Counting the tickets…'}
      </p>
    </>
  );
}

function Result({ bet, outcome, failure }: Played) {
  if (!outcome)
    return (
      <p className={classes.headline} data-verdict="invalid">
        This scene failed. {failure}
      </p>
    );
  const { sold, oversold, verdict, headline, facts } = outcome;
  return (
    <>
      <Figures
        figures={[
          ['your bet', bet === undefined ? 'none' : whole(bet)],
          ['sold', whole(sold), oversold > 0 ? 'fail' : 'pass'],
          ['oversold', whole(oversold), oversold > 0 ? 'fail' : 'pass'],
        ]}
      />
      <p className={classes.headline} data-verdict={verdict}>
        {headline}
      </p>
      <p className={classes.facts}>{facts.join(' · ')}</p>
    </>
  );
}

function Summary({ played }: { readonly played: readonly Played[] }) {
  return (
    <table className={classes.summary} aria-label="The five scenes">
      <TableHead titles={['scene', 'bet', 'sold', 'oversold']} />
      <tbody>
        {SCENES.map(({ title }, place) => {
          const { bet, outcome, failure } = played[place] ?? {};
          return (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td>{bet === undefined ? '–' : whole(bet)}</td>
              <td>{outcome ? whole(outcome.sold) : failure === undefined ? 'not played' : 'failed'}</td>
              <td data-verdict={outcome && (outcome.oversold > 0 ? 'fail' : 'pass')}>
                {outcome ? whole(outcome.oversold) : '–'}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
