/** `flashgrid verify FILE`: judges a run again from its evidence, without backends and without the code of the audit. */
import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { CHECKS, CHECK_IDS } from '../contract/checks.ts';
import { whole } from '../contract/format.ts';
import { FailureError } from '../contract/failure.ts';
import { EvidenceError } from '../control/verify/evidence-error.ts';
import type { EvidenceRequest } from '../control/verify/sale-judge.ts';
import { verifyEvidence } from '../control/verify/verify-evidence.ts';
import { errorText } from '../services/shared/error-text.ts';
import { UsageError } from '../contract/attack-options.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { writeJson } from './outputs.ts';
import type { CommandContext } from './session.ts';

const ROOT = /^[0-9a-f]{64}$/i;
const MARKS = { passed: '✓', failed: '✗', open: '?', notJudged: '–' } as const;

/** Exit code 0 when every check passes, 3 when one fails, 5 when one is open or not judged, 6 when the file can't be judged. */
export async function verify({ values, positionals, out, outputs }: CommandContext): Promise<number> {
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0)
    throw new UsageError('Give one evidence file, as `--evidence FILE` wrote it.');
  const { root, edn } = values;
  if (typeof root === 'string' && !ROOT.test(root))
    throw new UsageError('--root is not a root: it has 64 hexadecimal digits.');
  if (edn === '-') throw new UsageError('--edn writes a file: give it a name.');
  const history = typeof edn === 'string' ? new History(edn) : undefined;
  try {
    const judgement = await verifyEvidence(file, {
      ...(typeof root === 'string' ? { expectedRoot: root } : {}),
      ...(history ? { onRequest: (request) => history.add(request) } : {}),
    });
    history?.end();
    const { runId, planted, requests, tickets, stock, sales, checks, disputed } = judgement;
    out.print(
      `Run ${runId}: ${whole(requests)} requests, ${whole(tickets)} tickets for ${whole(stock)} units${sales === undefined ? '' : ` in ${whole(sales)} sales`}.`,
    );
    if (planted !== undefined)
      out.print(
        `A defect was planted in this run on purpose (${planted}): it says nothing about the engine.`,
      );
    out.print(`Root ${judgement.root}, over ${whole(judgement.records)} records.`);
    for (const id of CHECK_IDS) {
      // A check that this judge does not know yet is no failed one.
      const { state, found } = checks[id] ?? { state: 'open', found: 'Not judged here.' };
      const title = (judgement.isOther && CHECKS[id].shopTitle) || CHECKS[id].title;
      out.print(`${MARKS[state]} ${title}${state === 'passed' ? '' : `: ${found}`}`, 2);
    }
    if (disputed.length > 0)
      out.print(`The audit that wrote this file found otherwise: ${disputed.join(', ')}.`);
    await writeJson(judgement, outputs, out);
    const states = Object.values(checks).map(({ state }) => state);
    if (states.includes('failed') || disputed.length > 0) return EXIT.auditFailed;
    const areAllPassed = CHECK_IDS.every((id) => ['passed', 'notJudged'].includes(checks[id]?.state ?? ''));
    return areAllPassed ? EXIT.pass : EXIT.invalid;
  } catch (error) {
    history?.discard();
    if (!(error instanceof EvidenceError)) throw error;
    throw new FailureError(
      {
        code: 'verify.notJudged',
        message: `${file} can't be judged. ${error.message}`,
        fix: 'Get the file again from whoever made the run, and the root from the verdict that they published.',
      },
      { cause: error },
    );
  }
}

/**
 * The requests as a history in Jepsen's EDN, two operations each. It is written beside its place and moved there, so that a file that can't
 * be judged leaves an earlier history whole; synchronously, so that a million requests never wait in memory.
 */
class History {
  readonly #path: string;
  readonly #draft: string;
  readonly #file: number;
  #isOpen = true;
  #chunk = '';

  /** @throws FailureError `cli.cantWrite` */
  constructor(path: string) {
    this.#path = path;
    this.#draft = `${path}.${process.pid}.tmp`;
    this.#file = this.#attempt(() => openSync(this.#draft, 'wx', 0o600));
  }

  add({ index, sale, user, status, sentUs, answeredUs, outcome, units }: EvidenceRequest): void {
    if (status === 'unsent') return;
    const type = outcome === 'granted' ? ':ok' : outcome !== '-' || status === 'rejected' ? ':fail' : ':info';
    const given =
      outcome === 'granted' ? ` :units [${units.replaceAll(',', ' ')}]` : ` :outcome "${outcome}"`;
    const of = sale === undefined ? '' : ` :sale "${sale}"`;
    const operation = (kind: string, timeUs: number, rest: string) =>
      `{:process ${index}, :type ${kind}, :f :reserve, :value {:user "${user}"${of}${rest}}, :time ${timeUs}000}\n`;
    this.#chunk += operation(':invoke', sentUs, '') + operation(type, answeredUs ?? sentUs, given);
    if (this.#chunk.length > 1 << 20) this.#flush();
  }

  end(): void {
    this.#flush();
    this.#isOpen = false;
    this.#attempt(() => {
      closeSync(this.#file);
      renameSync(this.#draft, this.#path);
    });
  }

  /** Leaves nothing; does nothing after `end`. */
  discard(): void {
    if (!this.#isOpen) return;
    closeSync(this.#file);
    rmSync(this.#draft, { force: true });
  }

  #flush(): void {
    const chunk = this.#chunk;
    this.#chunk = '';
    this.#attempt(() => writeFileSync(this.#file, chunk));
  }

  #attempt<Value>(action: () => Value): Value {
    try {
      return action();
    } catch (error) {
      throw new FailureError(
        {
          code: 'cli.cantWrite',
          message: `${this.#path} can't be written: ${errorText(error)}`,
          fix: 'Make room, or name a file in a folder that you may write to.',
        },
        { cause: error },
      );
    }
  }
}
