import { createHash, hash } from 'node:crypto';

/** The root of the Merkle tree over the records, by recursion over the sizes that RFC 6962 gives. */
export class RootBuilder {
  #leaves = 0;
  /** The hash of each full subtree that still waits for its sibling, by its height. */
  readonly #waiting: (Buffer | undefined)[] = [];

  get leaves(): number {
    return this.#leaves;
  }

  add(record: string): void {
    this.#leaves++;
    let node: Buffer = hash('sha256', `\0${record}`, 'buffer');
    let height = 0;
    for (; this.#waiting[height] !== undefined; height++) {
      node = parentOf(this.#waiting[height] ?? node, node);
      this.#waiting[height] = undefined;
    }
    this.#waiting[height] = node;
  }

  root(): string {
    let root: Buffer | undefined;
    for (const node of this.#waiting) if (node) root = root ? parentOf(node, root) : node;
    return root?.toString('hex') ?? '';
  }
}

function parentOf(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update('\u0001').update(left).update(right).digest();
}
