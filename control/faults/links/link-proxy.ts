/**
 * The proxy of one link: TCP listeners on loopback, each in front of one address. It never looks into bytes,
 * so TLS and logins stay end to end.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { LinkEffect, LinkFault } from '../../../contract/links.ts';
import { Flow, type LinkState } from './flow.ts';
import type { Address } from './proxy-messages.ts';

/** ms that the address behind the proxy may take to accept a connection. */
const CONNECT_LIMIT_MS = 10_000;

const noEffect = () => ({
  connections: 0,
  forwardedBytes: 0,
  heldBytes: 0,
  droppedBytes: 0,
  cut: 0,
  reset: 0,
  refused: 0,
  longestHoldMs: 0,
});

export class LinkProxy {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #state: LinkState = {
    fault: undefined,
    effect: noEffect(),
    busyUntilMs: { requests: 0, answers: 0 },
  };

  /** What happened since the last fault was applied. */
  get effect(): LinkEffect {
    return { ...this.#state.effect };
  }

  /**
   * Listens in front of an address.
   * @returns the port on 127.0.0.1
   */
  async open(upstream: Address): Promise<number> {
    const state = this.#state;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (inner) => {
      inner.on('error', ignore);
      // A closed port could be taken by another program before the link is healed. So a cut link goes on to
      // listen.
      if (state.fault?.kind === 'cut') {
        state.effect.refused++;
        inner.resetAndDestroy();
        return;
      }
      state.effect.connections++;
      const connection = new Connection(state, inner, upstream, () => this.#connections.delete(connection));
      this.#connections.add(connection);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    // Without a free descriptor, for example, a connection is lost; the listener is not.
    server.on('error', ignore);
    this.#servers.push(server);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
    return address.port;
  }

  /** Puts a fault on the link, in place of the one that it has, and begins to count anew. */
  apply(fault: LinkFault): void {
    this.heal();
    Object.assign(this.#state.effect, noEffect());
    this.#state.fault = fault;
    if (fault.kind === 'cut' || fault.kind === 'reset') this.#endAll(fault.kind);
  }

  /** Lets everything through again. What was held goes at once. */
  heal(): void {
    this.#state.fault = undefined;
    this.#state.busyUntilMs.requests = this.#state.busyUntilMs.answers = 0;
    for (const connection of [...this.#connections]) connection.heal();
  }

  /** Ends everything. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    this.#endAll('closed');
  }

  #endAll(how: End): void {
    for (const connection of [...this.#connections]) connection.end(how);
  }
}

type End = 'cut' | 'reset' | 'closed' | 'left';

class Connection {
  readonly #state: LinkState;
  readonly #flows: readonly Flow[];
  readonly #onOver: () => void;
  /** A side has ended in a direction that was cut off, so that the other side does not know. */
  #hasLeft = false;
  #isOver = false;

  constructor(state: LinkState, inner: Socket, upstream: Address, onOver: () => void) {
    this.#state = state;
    this.#onOver = onOver;
    const outer = connect({ ...upstream, noDelay: true, allowHalfOpen: true });
    outer.on('error', ignore);
    const limit = setTimeout(() => this.end('left'), CONNECT_LIMIT_MS);
    outer.once('connect', () => clearTimeout(limit));
    outer.once('close', () => clearTimeout(limit));
    const flow = (direction: 'requests' | 'answers', from: Socket, to: Socket): Flow => {
      const made = new Flow(state, direction, from, to, () => this.end('reset'));
      from.on('end', () => this.#handOn(made, () => to.end()));
      from.on('close', (hadError) => {
        if (to.destroyed) this.#over();
        else this.#handOn(made, () => (hadError ? to.resetAndDestroy() : to.destroySoon()));
      });
      return made;
    };
    this.#flows = [flow('requests', inner, outer), flow('answers', outer, inner)];
  }

  end(how: End): void {
    if (this.#isOver) return;
    if (how === 'cut' || how === 'reset') this.#state.effect[how]++;
    this.#over();
    // A cut shows as FIN, as when a peer ends; the others as RST.
    for (const { from } of this.#flows)
      if (how === 'cut' || how === 'closed') from.destroy();
      else from.resetAndDestroy();
  }

  heal(): void {
    if (this.#hasLeft) this.end('left');
    else for (const flow of this.#flows) flow.releaseHeld();
  }

  /** Hands on the end of one side, after what it has sent. */
  #handOn(flow: Flow, action: () => void): void {
    if (this.#isOver) return;
    if (flow.isCutOff) this.#hasLeft = true;
    // What is missing can't be sent any more.
    else if (flow.hasHole) this.end('left');
    else flow.whenDrained(action);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const flow of this.#flows) flow.drop();
    this.#onOver();
  }
}

/** An error of a socket shows as its `close` next, which is all that counts here. */
function ignore(): void {}
