/** What every design of the lab offers, and what all of them note. */
import { errorText } from '../../shared/error-text.ts';

/** What a buyer is told. */
export type Reply =
  | { readonly is: 'granted'; readonly unit: number }
  | { readonly is: 'soldOut' }
  /** Nothing was bought: the design tried as often as it may. */
  | { readonly is: 'gaveUp' }
  /** It will be decided later; `outcome` says how. */
  | { readonly is: 'queued' };

export interface Ticket {
  readonly buyer: string;
  readonly unit: number;
}

export interface Design {
  /** Empties the sale, and puts that many units on sale. */
  open(stock: number): Promise<void>;
  /** Another instance has opened the sale, or will: it has that many units. */
  join(stock: number): Promise<void>;
  reserve(buyer: string): Promise<Reply>;
  tickets(): Promise<readonly Ticket[]>;
  /** Of a buyer whose request was queued; `undefined` while it is not decided. */
  outcome?(buyer: string): 'granted' | 'soldOut' | undefined;
  /** Whether a statement waits for another one's lock now. */
  hasLockWait?(): Promise<boolean>;
  close(): Promise<void>;
}

/** One thing that a request did or saw, as the service itself noted it. */
export interface Moment {
  /** ms since 1970, with fractions: instances are compared. */
  readonly atMs: number;
  readonly buyer: string;
  readonly kind: 'statement' | 'seen';
  readonly text: string;
}

/** The most moments that are kept: a few for each of 50,000 buyers. */
const MAX_MOMENTS = 400_000;

const now = () => performance.timeOrigin + performance.now();

/** Holds the statements back, so that a person sends them one by one. */
export interface Stepper {
  /** Resolves when the statement may be sent. */
  before(buyer: string, text: string): Promise<void>;
  after(buyer: string, answer: string): void;
}

/** What the design did for all buyers together. */
export class Notes {
  readonly stepper: Stepper | undefined;
  readonly costs = { commits: 0, retries: 0, gaveUp: 0, lockWaitMs: 0 };
  /** Units that this instance sold. */
  sold = 0;
  /** Called once, at the next stop point; returns when the process goes on. */
  stopAtNext: (() => void) | undefined;
  #moments: Moment[] = [];

  constructor(stepper?: Stepper) {
    this.stepper = stepper;
  }

  /** Sends a statement or a command, when the stepper lets it go; at once where there is none. */
  async send<Answer>(
    buyer: string,
    text: string,
    send: () => Promise<Answer>,
    read: (answer: Answer) => string,
  ): Promise<Answer> {
    const { stepper } = this;
    if (!stepper) return await send();
    await stepper.before(buyer, text);
    try {
      const answer = await send();
      stepper.after(buyer, read(answer));
      return answer;
    } catch (error) {
      stepper.after(buyer, `ERROR: ${errorText(error)}`);
      throw error;
    }
  }

  /** A statement or command that was sent. */
  did(buyer: string, text: string): void {
    this.#add({ atMs: now(), buyer, kind: 'statement', text });
  }

  /** What one answered; nothing where that is empty. */
  saw(buyer: string, text: string): void {
    if (text !== '') this.#add({ atMs: now(), buyer, kind: 'seen', text });
  }

  /**
   * The stop point: this request holds its lock or its unit, or is between its read and its write. Costs one comparison
   * while nobody asks for a stop.
   */
  between(buyer: string): void {
    const stop = this.stopAtNext;
    if (!stop) return;
    this.stopAtNext = undefined;
    const beganMs = performance.now();
    stop();
    this.saw(buyer, `this process was stopped for ${Math.round(performance.now() - beganMs)} ms`);
  }

  momentsOf(buyers: ReadonlySet<string>): Moment[] {
    return this.#moments.filter(({ buyer }) => buyers.has(buyer));
  }

  clear(): void {
    this.#moments = [];
    this.sold = 0;
    for (const name of Object.keys(this.costs) as (keyof Notes['costs'])[]) this.costs[name] = 0;
  }

  #add(moment: Moment): void {
    if (this.#moments.length < MAX_MOMENTS) this.#moments.push(moment);
  }
}

/** What a design is made from. */
export interface Parts {
  /** Of a user that may create a schema. */
  readonly postgresUrl: string;
  /** Of the lab's own tables. */
  readonly schema: string;
  readonly redisUrl: string;
  readonly amqpUrl: string;
  /** Before every name in Redis and RabbitMQ. */
  readonly namespace: string;
  readonly notes: Notes;
}

export type MakeDesign = (parts: Parts) => Promise<Design> | Design;
