/** Judges an evidence file as its records come: one part for each sale, and the root over all of them. */
import { EvidenceError, cutOff } from './evidence-error.ts';
import { RootBuilder } from './root-builder.ts';
import {
  SaleJudge,
  type CheckState,
  type Checks,
  type EvidenceRequest,
  type SaleJudgement,
} from './sale-judge.ts';

export interface Judgement extends Omit<SaleJudgement, 'sale' | 'parts'> {
  readonly root: string;
  readonly records: number;
  /** Sales that the run judged, where there are several. */
  readonly sales?: number;
}

const UNPRINTABLE = /[^\t\x20-\x7e]/;

export class Judge {
  readonly #onRequest: ((request: EvidenceRequest) => void) | undefined;
  readonly #tree = new RootBuilder();
  readonly #judged: SaleJudgement[] = [];
  readonly #sales = new Set<string>();
  #part: SaleJudge | undefined;
  #root: string | undefined;
  #requests = 0;

  constructor(onRequest: ((request: EvidenceRequest) => void) | undefined) {
    this.#onRequest = onRequest;
  }

  read(line: string): void {
    if (this.#root !== undefined) throw new EvidenceError('There are records after the root.');
    // Nothing of a file that anybody may have made reaches a terminal as it is.
    if (UNPRINTABLE.test(line))
      throw new EvidenceError('A record holds characters that this format does not have.');
    const kind = line[0] ?? '';
    if (line[1] !== '\t' || !'HTSREM'.includes(kind))
      throw new EvidenceError(`Not a record: ${line.slice(0, 40)}`);
    if (kind === 'M') return this.#readRoot(line);
    this.#tree.add(line);
    if (kind === 'H' && (this.#part === undefined || this.#part.isComplete)) this.#beginPart();
    if (this.#part === undefined) throw new EvidenceError('The first record must be the header.');
    this.#part.read(line, kind);
  }

  #beginPart(): void {
    this.#endPart();
    const before = this.#requests;
    this.#part = new SaleJudge((request, sale) => {
      this.#requests++;
      const isOne = this.#judged.length === 0 && this.#part?.parts === 1;
      this.#onRequest?.({ ...request, index: before + request.index, ...(isOne ? {} : { sale }) });
    });
  }

  #endPart(): void {
    if (this.#part === undefined) return;
    const found = this.#part.finish();
    if (this.#sales.has(found.sale)) throw new EvidenceError(`The sale ${found.sale} stands in two parts.`);
    this.#sales.add(found.sale);
    this.#judged.push(found);
    this.#part = undefined;
  }

  #readRoot(line: string): void {
    const [, root, leaves] = line.split('\t');
    const found = this.#tree.root();
    if (Number(leaves) !== this.#tree.leaves || root !== found)
      throw new EvidenceError(
        `The records do not make the root that the file names: a record was changed, added or removed. Named ${String(root).slice(0, 64)}, found ${found}.`,
      );
    this.#root = found;
  }

  finish(expectedRoot: string | undefined): Judgement {
    this.#endPart();
    const [first = cutOff('it is empty'), ...more] = this.#judged;
    const root = this.#root ?? cutOff('its root is missing');
    if (expectedRoot !== undefined && expectedRoot.toLowerCase() !== root)
      throw new EvidenceError(
        `The root of this file is ${root}, not ${expectedRoot}: it is not the evidence of that verdict.`,
      );
    const stranger = more.find(({ runId }) => runId !== first.runId);
    if (stranger) throw new EvidenceError(`A part is of another run: ${stranger.runId}.`);
    if (this.#judged.length !== first.parts)
      throw new EvidenceError(
        `The header counts another number of sales (${first.parts}) than there are (${this.#judged.length}).`,
      );
    const sum = (of: 'requests' | 'tickets' | 'stock') =>
      this.#judged.reduce((total, part) => total + part[of], 0);
    const { runId, planted, isOther } = first;
    return {
      runId,
      ...(planted === undefined ? {} : { planted }),
      ...(isOther ? { isOther } : {}),
      root,
      records: this.#tree.leaves,
      requests: sum('requests'),
      tickets: sum('tickets'),
      stock: sum('stock'),
      ...(more.length === 0 ? {} : { sales: this.#judged.length }),
      checks: more.length === 0 ? first.checks : checksOfAll(this.#judged),
      disputed: Object.keys(first.checks).filter((name) =>
        this.#judged.some(({ disputed }) => disputed.includes(name)),
      ),
    };
  }
}

/** A check holds when it holds for every sale; what was found is that of the first one for which it does not. */
function checksOfAll(parts: readonly SaleJudgement[]): Checks {
  const entries = Object.entries(parts[0]?.checks ?? {}).map(([name, of]) => {
    const others = parts.filter(({ checks }) => checks[name]?.state !== 'passed');
    const inState = (state: CheckState) => others.find(({ checks }) => checks[name]?.state === state);
    const shown = inState('failed') ?? inState('open') ?? others[0];
    const check = shown?.checks[name];
    if (!shown || !check) return [name, { ...of, found: `It holds for each of ${parts.length} sales.` }];
    const found = `Not for ${others.length} of ${parts.length} sales. ${shown.sale}: ${check.found}`;
    return [name, { state: check.state, found }];
  });
  return Object.fromEntries(entries) as Checks;
}
