/** Whether this gateway can do its work: what /readyz answers. */
import { z } from 'zod';

/** ms that one part may take to answer. */
const CHECK_LIMIT_MS = 1_000;

const partSchema = z.object({ isUp: z.boolean(), detail: z.string() });
export const healthReportSchema = z.object({
  isReady: z.boolean(),
  parts: z.object({ broker: partSchema, redis: partSchema, postgres: partSchema }),
});
export type HealthReport = z.infer<typeof healthReportSchema>;
type Part = z.infer<typeof partSchema>;

export interface HealthProbes {
  /** Why the broker can't be used; `undefined` when it can. */
  readonly broker: () => string | undefined;
  readonly redis: () => Promise<unknown>;
  readonly postgres: () => Promise<unknown>;
  readonly isStopping: () => boolean;
}

export class Health {
  readonly #probes: HealthProbes;

  constructor(probes: HealthProbes) {
    this.#probes = probes;
  }

  async check(): Promise<HealthReport> {
    const trouble = this.#probes.broker();
    const [redis, postgres] = await Promise.all([probe(this.#probes.redis), probe(this.#probes.postgres)]);
    const broker: Part = { isUp: trouble === undefined, detail: trouble ?? 'ok' };
    const isReady = broker.isUp && redis.isUp && postgres.isUp && !this.#probes.isStopping();
    return { isReady, parts: { broker, redis, postgres } };
  }
}

async function probe(ask: () => Promise<unknown>): Promise<Part> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_LIMIT_MS} ms`)), CHECK_LIMIT_MS);
  });
  try {
    await Promise.race([ask(), limit]);
    return { isUp: true, detail: 'ok' };
  } catch (error) {
    // The class of the error only: its message may hold an address or a user's name.
    const detail =
      error instanceof Error && error.message.startsWith('no answer') ? error.message : 'does not answer';
    return { isUp: false, detail };
  } finally {
    clearTimeout(timer);
  }
}
