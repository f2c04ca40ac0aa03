import { IconAlertTriangle, IconCheck, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { checkState } from '../../../contract/checks.ts';
import type { AttackState } from '../../../contract/state.ts';
import { CheckList } from '../../components/check-list.tsx';
import { Notes } from '../../components/notes.tsx';
import { RarePaths } from '../../components/rare-paths.tsx';
import { isAttackActive } from '../../lib/attack-phase.ts';
import { lostBackendDetail, lostBackends } from '../../lib/lost-backends.ts';
import { narrate, type Narrative } from '../../lib/narrative.ts';
import type { Stage } from '../../lib/use-stage.ts';
import { useData } from '../../store/store.ts';
import classes from './story.module.css';

const PHASES = [
  { id: 'preparing', label: 'Prepare' },
  { id: 'attacking', label: 'Attack' },
  { id: 'draining', label: 'Drain the queue' },
  { id: 'auditing', label: 'Audit' },
  { id: 'finished', label: 'Verdict' },
] as const;

/** There is room for a few notes beside the stamp; the full record has them all. */
const MAX_NOTES = 3;

const verdicts = {
  pass: { Icon: IconCheck, word: 'Proven' },
  fail: { Icon: IconX, word: 'Failed' },
  invalid: { Icon: IconAlertTriangle, word: 'Not valid' },
} as const;

interface StoryProps {
  /** On one screen with the charts: what is folded away there is in the full record. */
  readonly stage: Stage;
  readonly children: ReactNode;
}

/** The state of the attack in words, and at the end its verdict. */
export function Story({ stage, children }: StoryProps) {
  const attack = useData((data) => data.attack);
  const totals = useData((data) => data.series.totals);
  // From the run's series, as the chart beside it: two sources could contradict each other.
  const queueDepth = useData((data) => data.series.points.at(-1)?.queueDepth);
  const isWorkerDown = useData(({ services }) => {
    const workers = services.filter(({ role }) => role === 'worker');
    return workers.length > 0 && workers.every(({ state }) => state === 'restarting' || state === 'starting');
  });
  const lost = useData((data) => lostBackends(data.cluster));
  const whyLost = useData((data) => lostBackendDetail(data.cluster));
  if (!attack || !totals) return null;
  const {
    headline,
    detail,
    worth,
    notes = [],
  }: Narrative = lost !== undefined && isAttackActive(attack)
    ? { headline: lost, detail: whyLost ?? '' }
    : narrate(attack, totals, queueDepth ?? 0, isWorkerDown);
  const verdict = attack.phase === 'finished' ? attack.verdict : undefined;
  const isSound =
    attack.audit?.checks.every((check) => ['passed', 'notJudged'].includes(checkState(check))) === true;
  const word =
    verdict &&
    (attack.exitCode === 6
      ? 'Undecided'
      : verdict === 'fail' && isSound
        ? 'Limit missed'
        : verdicts[verdict].word);
  return (
    <section
      className={`panel ${classes.story}`}
      data-stage={stage}
      data-verdict={verdict ?? (isOver(attack) ? 'fail' : 'none')}
      aria-label="State of the attack"
    >
      {verdict ? <Stamp verdict={verdict} word={word} /> : null}
      <div className={classes.words}>
        <h1>{headline}</h1>
        <p className={classes.detail}>{detail}</p>
        {worth === undefined ? null : <p className={classes.worth}>{worth}</p>}
        {stage !== 'none' ? null : (
          <>
            <Notes notes={notes} most={MAX_NOTES} />
            <RarePaths coverage={attack.coverage} />
          </>
        )}
      </div>
      <div className={classes.actions}>{children}</div>
      {verdict ? null : <Phases phase={attack.phase} progress={attack.progress} />}
      {verdict && attack.audit && stage === 'none' ? (
        <div className={classes.checks}>
          <CheckList checks={attack.audit.checks} isGrid />
        </div>
      ) : null}
      {/* A screen reader hears each phase once, not each change of the headline. */}
      <p className="sr-only" role="status">
        {verdict ? `Verdict: ${word}. ${headline}` : phaseLabel(attack.phase)}
      </p>
    </section>
  );
}

const isOver = (attack: AttackState): boolean => attack.phase === 'failed' || attack.phase === 'cancelled';

function phaseLabel(phase: AttackState['phase']): string {
  return PHASES.find(({ id }) => id === phase)?.label ?? phase;
}

interface StampProps {
  readonly verdict: NonNullable<AttackState['verdict']>;
  /** `Limit missed` for a threshold: no promise was broken. */
  readonly word: string | undefined;
}

function Stamp({ verdict, word }: StampProps) {
  const { Icon } = verdicts[verdict];
  return (
    <p className={classes.stamp}>
      <Icon size="2.5rem" stroke={2.6} aria-hidden />
      <span>{word}</span>
    </p>
  );
}

interface PhasesProps {
  readonly phase: AttackState['phase'];
  readonly progress: number;
}

function Phases({ phase, progress }: PhasesProps) {
  const current = PHASES.findIndex(({ id }) => id === phase);
  return (
    <ol className={classes.phases} aria-label="Phases">
      {PHASES.map(({ id, label }, index) => {
        const share = index < current ? 1 : index > current ? 0 : id === 'attacking' ? progress : 0.5;
        return (
          <li
            key={id}
            data-state={index < current ? 'done' : index === current ? 'now' : 'next'}
            aria-current={index === current ? 'step' : undefined}
          >
            <span className={classes.track} aria-hidden>
              <span style={{ transform: `scaleX(${share})` }} />
            </span>
            <span>{label}</span>
          </li>
        );
      })}
    </ol>
  );
}
