import { Button, Group, Progress } from '@mantine/core';
import { plural, milliseconds, whole } from '../../../contract/format.ts';
import type { CampaignState } from '../../../contract/campaign.ts';
import { TextTable } from '../../components/text-table.tsx';
import { HOWS } from '../../lib/campaign-draft.ts';
import { isCampaignActive } from '../../lib/attack-phase.ts';
import { hrefOf } from '../../lib/router.ts';
import { useData } from '../../store/store.ts';
import classes from './campaign.module.css';

/** As many as `runs.exportComparison` takes. */
const MOST_COMPARED = 100;

/** Several attacks that belong together: how far they are, and what came of them; on a stage there is room for two lines. */
export function CampaignPanel({ isOnStage }: { readonly isOnStage: boolean }) {
  const campaign = useData((data) => data.campaign);
  const runId = useData((data) => data.attack?.runId);
  if (!campaign?.kind || (!isCampaignActive(campaign) && campaign.lastRunId !== runId)) return null;
  const { kind, total, attempts, sentences, failure } = campaign;
  const done = attempts.length;
  const [headline, ...more] = sentences;
  const ids = attempts.map((one) => one.runId);
  return (
    <section className={`panel ${classes.panel}`} aria-label={HOWS[kind]}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <div role="status">
          <h2>{headline ?? headlineOf(campaign)}</h2>
          {(isOnStage ? more.slice(0, 1) : more).map((text) => (
            <p key={text}>{text}</p>
          ))}
          {failure ? (
            <p>
              {failure.message} {failure.fix}
            </p>
          ) : null}
        </div>
        {!isCampaignActive(campaign) && done > 1 && done <= MOST_COMPARED && kind !== 'limit' ? (
          <Button
            component="a"
            variant="default"
            className={classes.button ?? ''}
            href={hrefOf('runs', undefined, { compare: ids.join() })}
          >
            Compare the runs
          </Button>
        ) : null}
      </Group>
      {isCampaignActive(campaign) && total !== undefined ? (
        <Progress value={(done / total) * 100} aria-label="Attacks that are done" />
      ) : null}
      {done > 0 && !isOnStage ? (
        <details open={kind === 'limit'}>
          <summary>{plural(done, 'attack')}</summary>
          <TextTable
            name="Attack by attack"
            className="small"
            rows={[
              [
                kind === 'limit' ? 'offered' : kind === 'versus' ? 'set-up' : 'attack',
                'result',
                'answers/s',
                'p99',
              ],
              ...attempts.map(({ of, result, rps, p99Ms, isSpeedWithheld }, at) => [
                of === '' ? String(at + 1) : of,
                result,
                isSpeedWithheld ? 'withheld' : whole(rps),
                isSpeedWithheld ? 'withheld' : milliseconds(p99Ms),
              ]),
            ]}
            figuresFrom={2}
          />
        </details>
      ) : null}
    </section>
  );
}

function headlineOf({ phase, kind, total, attempts, failure }: CampaignState): string {
  if (phase === 'stopping') return 'Stopping…';
  if (failure) return 'Broken off.';
  const done = attempts.length;
  if (phase === 'idle') return `Stopped after ${plural(done, 'attack')}.`;
  if (total !== undefined) return `Attack ${whole(Math.min(total, done + 1))} of ${whole(total)}`;
  return kind === 'limit'
    ? `The search for the limit: attack ${whole(done + 1)}`
    : `Attack ${whole(done + 1)}`;
}
