/**
 * Sales, for the admin and query routes. A change goes to Postgres first, which holds the truth, then to
 * Redis, then to all gateways. If Redis missed a change, the workers rebuild the sale from Postgres.
 */
import { randomBytes } from 'node:crypto';
import type { Prisma, Sale } from '../../prisma/generated/client.ts';
import { quoteIdentifier } from '../shared/postgres.ts';
import type { PrismaClient } from '../shared/prisma.ts';
import type { SaleStore } from '../shared/sale-store.ts';
import { saleModeSchema, saleStatusSchema } from '../shared/sales.ts';
import type { NewSale, SaleChange, SaleFacts, SaleList, SaleQuery, SaleView } from '../shared/sales.ts';
import { ProblemError, invalid, rejection } from './problems.ts';

/** ms that a reset may take: it may delete millions of tickets. */
const RESET_TIMEOUT_MS = 30_000;

export interface SaleAdminOptions {
  readonly prisma: () => Promise<PrismaClient>;
  /** Schema of the tables, which a raw query must name. */
  readonly schema: string;
  readonly store: SaleStore;
  /** Updates this gateway's cache. The others get the change over pub/sub. */
  readonly onChanged: (facts: SaleFacts) => void;
  readonly onError: (what: string, error: unknown) => void;
}

export class SaleAdmin {
  readonly #options: SaleAdminOptions;

  constructor(options: SaleAdminOptions) {
    this.#options = options;
  }

  /**
   * Creates and opens a sale.
   * @throws ProblemError `sale-exists`
   */
  async create(sale: NewSale): Promise<SaleView> {
    const { store, onError } = this.#options;
    const prisma = await this.#options.prisma();
    const id = sale.id ?? `sale-${randomBytes(4).toString('hex')}`;
    const { stock, perBuyerLimit, mode } = sale;
    let row: Sale;
    try {
      row = await prisma.sale.create({ data: { id, title: sale.title ?? id, stock, perBuyerLimit, mode } });
    } catch (error) {
      if (isPrismaError(error, 'P2002'))
        throw new ProblemError(
          rejection('sale-exists', `Sale ${id} exists; change or reset it, or take another id.`),
          {
            cause: error,
          },
        );
      throw error;
    }
    const facts = factsOf(row, false);
    try {
      await store.openSale(facts, row.epoch);
    } catch (error) {
      // The sale exists in Postgres. With its first frame, a worker builds it in Redis.
      onError(`opening sale ${id} in Redis`, error);
      this.#options.onChanged(facts);
      return { ...facts, counters: countersOf(stock, 0, 0) };
    }
    return this.#announce(id, row);
  }

  /**
   * Changes or resets a sale.
   * @throws ProblemError `unknown-sale`, or `store-away` when Postgres was changed and Redis was not
   */
  async change(id: string, change: SaleChange): Promise<SaleView> {
    const { store } = this.#options;
    const { reset, ...facts } = change;
    const data = {
      ...(facts.title === undefined ? {} : { title: facts.title }),
      ...(facts.perBuyerLimit === undefined ? {} : { perBuyerLimit: facts.perBuyerLimit }),
      ...(facts.mode === undefined ? {} : { mode: facts.mode }),
      ...(facts.status === undefined ? {} : { status: facts.status }),
    };
    const row = await this.#write(id, data, reset);
    try {
      if (reset) await store.openSale(factsOf(row, false), row.epoch);
      else await store.changeSale(id, data);
      return await this.#announce(id, row);
    } catch (error) {
      this.#options.onError(`changing sale ${id} in Redis`, error);
      throw new ProblemError(
        rejection(
          'store-away',
          `Sale ${id} was changed in Postgres but not in Redis; send the request again.`,
        ),
        { cause: error },
      );
    }
  }

  /** A sale with its counters from Redis, else from Postgres; `undefined` when neither knows it. */
  async view(id: string): Promise<SaleView | undefined> {
    const view = await this.#options.store.readSale(id);
    if (view !== undefined) return view;
    const prisma = await this.#options.prisma();
    const row = await prisma.sale.findUnique({ where: { id } });
    return row === null ? undefined : this.#viewOfRow(row);
  }

  /**
   * A page of the sales, newest first.
   * @throws ProblemError when there is no sale `after`
   */
  async list({ limit, after }: SaleQuery): Promise<SaleList> {
    const prisma = await this.#options.prisma();
    const [total, rows, last] = await Promise.all([
      prisma.sale.count(),
      prisma.sale.findMany({
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        take: limit,
        ...(after === undefined ? {} : { cursor: { id: after }, skip: 1 }),
      }),
      after === undefined
        ? undefined
        : prisma.sale.findUnique({ where: { id: after }, select: { id: true } }),
    ]);
    // Without this, a wrong id would look like the end of the list.
    if (last === null)
      throw new ProblemError(invalid([{ field: 'after', message: `There is no sale ${after}.` }]));
    const sales = await Promise.all(
      rows.map(async (row) => (await this.#options.store.readSale(row.id)) ?? this.#viewOfRow(row)),
    );
    return { sales, total };
  }

  async #write(id: string, data: Prisma.SaleUpdateInput, reset: SaleChange['reset']): Promise<Sale> {
    const { schema, store } = this.#options;
    const prisma = await this.#options.prisma();
    try {
      if (!reset) return await prisma.sale.update({ where: { id }, data });
      // If Redis is away, the sale is reset in Postgres only, and the workers rebuild it.
      const held = await store.readEpoch(id).catch(() => undefined);
      return await prisma.$transaction(
        async (transaction) => {
          // Locks the sale against a worker that inserts tickets between delete and update: the foreign key
          // would fail.
          const [locked] = await transaction.$queryRawUnsafe<{ epoch: number }[]>(
            `SELECT epoch FROM ${quoteIdentifier(schema)}."sales" WHERE id = $1 FOR UPDATE`,
            id,
          );
          const epoch = Math.max(locked?.epoch ?? 0, held?.epoch ?? 0) + 1;
          await transaction.ticket.deleteMany({ where: { saleId: id } });
          return transaction.sale.update({
            where: { id },
            data: {
              ...data,
              ...(reset.stock === undefined ? {} : { stock: reset.stock }),
              generation: { increment: 1 },
              // Above every earlier epoch, or old grants would pass the fence after a loss of Redis
              // (rebuild.ts).
              epoch,
              resetEpoch: epoch,
            },
          });
        },
        { timeout: RESET_TIMEOUT_MS, maxWait: 5_000 },
      );
    } catch (error) {
      if (isPrismaError(error, 'P2025'))
        throw new ProblemError(rejection('unknown-sale', `There is no sale ${id}.`), { cause: error });
      throw error;
    }
  }

  async #announce(id: string, row: Sale): Promise<SaleView> {
    const { store, onChanged } = this.#options;
    const held = (await store.readSale(id)) ?? (await this.#viewOfRow(row));
    // A Redis that has started again may hold older facts until the sale is rebuilt.
    const facts = factsOf(row, held.isSoldOut);
    onChanged(facts);
    await store.publishSale(facts);
    return { ...held, ...facts };
  }

  async #viewOfRow(row: Sale): Promise<SaleView> {
    const prisma = await this.#options.prisma();
    const [grantedUnits, granted] = await Promise.all([
      prisma.ticket.count({ where: { saleId: row.id } }),
      prisma.ticket.count({ where: { saleId: row.id, itemNo: 1 } }),
    ]);
    return {
      ...factsOf(row, grantedUnits === row.stock),
      counters: countersOf(row.stock, granted, grantedUnits),
    };
  }
}

function factsOf(row: Sale, isSoldOut: boolean): SaleFacts {
  const { id, title, stock, perBuyerLimit, generation } = row;
  const mode = saleModeSchema.parse(row.mode);
  const status = saleStatusSchema.parse(row.status);
  return { id, title, stock, perBuyerLimit, mode, status, generation, isSoldOut };
}

/** Postgres keeps no refusals. */
function countersOf(stock: number, granted: number, grantedUnits: number): SaleView['counters'] {
  const refused = {
    sold_out: 0,
    buyer_limit: 0,
    insufficient: 0,
    sale_closed: 0,
    sale_reset: 0,
    key_reused: 0,
  };
  return { remaining: stock - grantedUnits, decided: granted, granted, grantedUnits, refused };
}

function isPrismaError(error: unknown, code: string): boolean {
  // By its name: the class would load the client.
  return (
    error instanceof Error &&
    error.name === 'PrismaClientKnownRequestError' &&
    'code' in error &&
    error.code === code
  );
}
