/** A design of the lab, running as a shop of its own: its process, and the adapter by which it is attacked. */
import { z } from 'zod';
import { DESIGNS, type DesignId } from '../../contract/designs.ts';
import { labResultSchema } from '../../contract/lab.ts';
import { MAX_EVENTS, type Witness } from '../../contract/witness.ts';
import type { LogLine } from '../../contract/state.ts';
import {
  declaredTargetSchema,
  targetSchema,
  type DeclaredTarget,
  type Target,
} from '../../contract/target.ts';
import type { Deployment } from '../cluster/cluster.ts';
import { requestLoopback } from '../lib/loopback.ts';
import { parseJson } from '../../services/shared/parse-json.ts';
import { ServiceChild } from '../services/service-child.ts';

const ANSWER_LIMIT_MS = 5_000;

const notesSchema = z.object({
  costs: labResultSchema.shape.costs.unwrap(),
  sold: z.number(),
  cpuMs: z.number(),
  moments: z.array(
    z.object({ atMs: z.number(), buyer: z.string(), kind: z.enum(['statement', 'seen']), text: z.string() }),
  ),
});
export type Notes = z.infer<typeof notesSchema>;

export interface DesignShopOptions {
  readonly modulePath: string;
  readonly env: NodeJS.ProcessEnv;
  readonly deployment: Deployment;
  /** Two buyers of its own, whose statements a person sends. */
  readonly isRace?: boolean;
  onLog(line: LogLine): void;
  /** It has come to its stop point, and stops itself. */
  onStanding?(): void;
}

export class DesignShop {
  readonly #child: ServiceChild;
  readonly design: DesignId;
  #url = '';

  /** @throws FailureError `service.notReady` */
  static async open(design: DesignId, options: DesignShopOptions, instance: 1 | 2 = 1): Promise<DesignShop> {
    const shop = new DesignShop(design, options, instance);
    try {
      shop.#url = `http://127.0.0.1:${await shop.#child.ready()}`;
      return shop;
    } catch (error) {
      await shop.close();
      throw error;
    }
  }

  private constructor(
    design: DesignId,
    { modulePath, env, deployment, isRace, onLog, onStanding }: DesignShopOptions,
    instance: 1 | 2,
  ) {
    this.design = design;
    const place = isRace ? 'race' : 'lab';
    this.#child = new ServiceChild({
      id: `${place}-${design}${instance === 1 ? '' : '-2'}`,
      role: 'shop',
      modulePath,
      env: {
        ...env,
        FLASHGRID_DESIGN: design,
        FLASHGRID_AMQP_URL: deployment.amqpUrl,
        FLASHGRID_REDIS_URL: deployment.redisUrl,
        // Services have no right to make tables.
        FLASHGRID_POSTGRES_URL: deployment.postgresOwnerUrl ?? deployment.postgresUrl,
        FLASHGRID_POSTGRES_SCHEMA: `${deployment.postgresSchema}_${place}`,
        FLASHGRID_NAMESPACE: isRace ? `${deployment.namespace}:race` : deployment.namespace,
        ...(isRace && { FLASHGRID_RACE: 'yes' }),
      },
      onSample: () => undefined,
      onStanding: () => onStanding?.(),
      onLog,
      onExit: () => undefined,
    });
  }

  get url(): string {
    return this.#url;
  }

  /** How it is bought from, and read; it sells so many units. */
  target(stock: number): Target {
    const declared = this.adapter(stock);
    const { name, url } = declared;
    return targetSchema.parse({ file: `lab:${this.design}`, name, url, use: { declared } });
  }

  /** The same as an adapter's file has it. */
  adapter(stock: number): DeclaredTarget {
    const { title, answers } = DESIGNS[this.design];
    return declaredTargetSchema.parse({
      name: title,
      url: this.#url,
      buy: { path: '/buy/{buyer}' },
      answers: {
        accepted: { status: [201, 202] },
        soldOut: { status: 409 },
        refused: { status: 503 },
        unit: 'unit',
      },
      owners: { path: '/tickets', list: 'tickets', unit: 'unit' },
      stock,
      reset: { path: `/reset?stock=${stock}` },
      ...(answers === 'queued' && {
        outcome: {
          path: '/outcomes/{buyer}',
          granted: { field: 'is', is: 'granted' },
          soldOut: { field: 'is', is: 'soldOut' },
        },
      }),
    });
  }

  async notes(): Promise<Notes> {
    return await this.ask('GET', '/notes', notesSchema);
  }

  /** Empties the sale, as an attack does by itself. */
  async openSale(stock: number): Promise<void> {
    await this.ask('POST', `/reset?stock=${stock}`, z.object({}));
  }

  /** Joins a sale that another instance opens, and stops itself at its next stop point. */
  async joinToStand(stock: number): Promise<void> {
    await this.ask('POST', `/join?stock=${stock}`, z.object({}));
    await this.ask('POST', '/stand', z.object({}));
  }

  /** Lets it go on. */
  goOn(): void {
    this.#child.signal('SIGCONT');
  }

  /**
   * Two buyers who should not both have bought, and everything that they did: those of one unit, or of the last unit and
   * the one behind it.
   * @param other the second instance of the same sale
   * @returns nothing where all is well
   */
  async doubleSale(stock: number, other?: DesignShop): Promise<Witness | undefined> {
    const { tickets } = await this.ask('GET', '/tickets', ticketsSchema);
    const found = twoOf(tickets, stock);
    if (!found) return undefined;
    const { contradiction, buyers } = found;
    const all = await Promise.all(
      [this, ...(other ? [other] : [])].map((one) =>
        one.ask('GET', `/notes?buyers=${buyers.join(',')}`, notesSchema),
      ),
    );
    // One who tried often sent much before: the last of it is what counts.
    const moments = buyers
      .flatMap((buyer) =>
        all.flatMap((notes) => notes.moments.filter((one) => one.buyer === buyer)).slice(-MAX_EVENTS / 2),
      )
      .sort((one, next) => one.atMs - next.atMs);
    const began = moments[0]?.atMs ?? 0;
    return {
      contradiction,
      lanes: [`A (${buyers[0]})`, `B (${buyers[1]})`],
      events: moments.map(({ atMs, buyer, kind, text }) => ({
        lane: buyer === buyers[0] ? 0 : 1,
        kind,
        tMs: atMs - began,
        text: text.replaceAll(/\s+/g, ' '),
      })),
    };
  }

  async close(): Promise<void> {
    await this.#child.stop();
  }

  /** @throws Error when it does not answer as it should */
  async ask<T extends z.ZodType>(method: 'GET' | 'POST', path: string, schema: T): Promise<z.infer<T>> {
    const { status, text } = await requestLoopback(`${this.#url}${path}`, {
      method,
      headers: {},
      limitMs: ANSWER_LIMIT_MS,
    });
    const found = parseJson(text, schema);
    if (status !== 200 || found === undefined)
      throw new Error(`the design ${this.design} answered ${path} with ${status}`);
    return found;
  }
}

const ticketsSchema = z.object({ tickets: z.array(z.object({ buyer: z.string(), unit: z.number() })) });

/** Two tickets of one unit, or the last one and the one behind it. */
function twoOf(
  tickets: z.infer<typeof ticketsSchema>['tickets'],
  stock: number,
): { readonly contradiction: string; readonly buyers: readonly [string, string] } | undefined {
  const firstOf = new Map<number, string>();
  for (const { buyer, unit } of tickets) {
    const other = firstOf.get(unit);
    if (other !== undefined)
      return { contradiction: `Unit ${unit} was sold to A and to B.`, buyers: [other, buyer] };
    firstOf.set(unit, buyer);
  }
  const [last, beyond] = [firstOf.get(stock), firstOf.get(stock + 1)];
  if (last === undefined || beyond === undefined) return undefined;
  return {
    contradiction: `A got the last unit, ${stock}, and B got unit ${stock + 1} of ${stock}.`,
    buyers: [last, beyond],
  };
}
