/** `flashgrid dead-letters`: lists, replays and drops frames that could not be decided. */
import type { DeadFrame } from '../contract/state.ts';
import { UsageError } from '../contract/attack-options.ts';
import { writeJson } from './outputs.ts';
import { type CommandContext, briefly, must, requireRemote } from './session.ts';

const ACTIONS = ['list', 'replay', 'drop'] as const;
/** Frames in one list. */
const LISTED = 1_000;

/** @throws UsageError, FailureError */
export async function deadLetters({
  values,
  positionals,
  dataDir,
  out,
  outputs,
  interrupt,
}: CommandContext): Promise<number> {
  const [word, ...ids] = positionals;
  const action = ACTIONS.find((name) => name === word);
  if (!action) throw new UsageError(`dead-letters takes ${ACTIONS.join(', ')}, not "${word ?? ''}".`);
  const isAll = values['all'] === true;
  if (action === 'list' ? isAll || ids.length > 0 : isAll === ids.length > 0)
    throw new UsageError(
      action === 'list'
        ? 'dead-letters list takes no frames: it lists all.'
        : `Say which frames to ${action}, by their ids in \`dead-letters list\`, or give --all.`,
    );
  if (action === 'drop' && values['yes'] !== true)
    throw new UsageError(
      'Dropped frames are gone, and their buyers never get an outcome. Add --yes to drop them.',
    );
  const choice = isAll ? {} : { ids };
  return await briefly(await requireRemote(dataDir), interrupt, async (client) => {
    if (action === 'replay') {
      const result = await must(client, 'queue.replayDead', choice);
      const { replayed, kept } = result;
      out.print(`${replayed} put back into the queue.`);
      if (kept > 0) out.print(`${kept} can never be decided and stay: see \`dead-letters list\`.`);
      await writeJson(result, outputs, out);
    } else if (action === 'drop') {
      const result = await must(client, 'queue.dropDead', choice);
      out.print(`${result.dropped} dropped.`);
      await writeJson(result, outputs, out);
    } else {
      const { total, frames } = await must(client, 'queue.listDead', { limit: LISTED });
      if (total === 0) out.print('The dead-letter queue is empty.');
      for (const frame of frames) out.print(`${lineOf(frame, Date.now())}`);
      if (total > frames.length) out.print(`… and ${total - frames.length} more.`);
      await writeJson(frames, outputs, out);
    }
    return 0;
  });
}

function lineOf(frame: DeadFrame, nowMs: number): string {
  const facts = [
    frame.saleId === undefined ? undefined : `sale ${frame.saleId}`,
    frame.reservations === undefined
      ? undefined
      : `${frame.reservations} reservation${frame.reservations === 1 ? '' : 's'}`,
    frame.diedAtMs === undefined
      ? undefined
      : `dead for ${Math.max(0, Math.round((nowMs - frame.diedAtMs) / 1_000))} s`,
    frame.canReplay ? undefined : 'can not be replayed',
  ].filter((fact) => fact !== undefined);
  return `${frame.id}  ${facts.join(', ')}\n    ${frame.reason}`;
}
