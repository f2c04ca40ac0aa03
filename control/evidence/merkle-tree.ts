import { hash } from 'node:crypto';

interface Subtree {
  readonly leaves: number;
  readonly root: Buffer;
}

/**
 * A Merkle tree that grows leaf by leaf and keeps one hash a level, as RFC 6962 builds it: a leaf is SHA-256
 * of 0x00 and the record, an inner node SHA-256 of 0x01 and its two children, and a tree whose size is no
 * power of two is split at the largest one below it.
 */
export class MerkleTree {
  /** Roots of the complete subtrees, largest first, with the number of their leaves. */
  readonly #subtrees: Subtree[] = [];
  readonly #pair = Buffer.alloc(65, 1);
  #leaves = 0;

  get leaves(): number {
    return this.#leaves;
  }

  /** @param record without its line feed; ASCII */
  add(record: string): void {
    this.#leaves++;
    let node: Subtree = { leaves: 1, root: hash('sha256', `\0${record}`, 'buffer') };
    for (let last = this.#subtrees.at(-1); last?.leaves === node.leaves; last = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      node = { leaves: node.leaves * 2, root: this.#join(last.root, node.root) };
    }
    this.#subtrees.push(node);
  }

  /** The root over all leaves, as 64 hexadecimal digits. */
  root(): string {
    const [last, ...larger] = this.#subtrees.map((subtree) => subtree.root).reverse();
    if (last === undefined) throw new RangeError('a tree without leaves has no root');
    return larger.reduce((right, left) => this.#join(left, right), last).toString('hex');
  }

  #join(left: Buffer, right: Buffer): Buffer {
    left.copy(this.#pair, 1);
    right.copy(this.#pair, 33);
    return hash('sha256', this.#pair, 'buffer');
  }
}
