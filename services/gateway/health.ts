/** Whether this gateway can work: the answer of /readyz. */
import { z } from 'zod';
import { backendStateSchema, type BackendHealth } from '../shared/backend-trouble.ts';

const partSchema = z.object({
  isUp: z.boolean(),
  state: backendStateSchema,
  /** `ok`, or why not. */
  detail: z.string(),
  /** Moment at which it came into this state, as an ISO date. */
  since: z.string(),
});
export const healthReportSchema = z.object({
  isReady: z.boolean(),
  parts: z.object({ broker: partSchema, redis: partSchema, postgres: partSchema }),
});
export type HealthReport = z.infer<typeof healthReportSchema>;
type Part = z.infer<typeof partSchema>;

/** The part of BackendWatch that is used here. */
interface Watch {
  readonly health: BackendHealth;
  check(): Promise<BackendHealth>;
  whileServing<Value>(read: Promise<Value>): Promise<Value>;
}

export interface HealthProbes {
  readonly broker: () => BackendHealth;
  readonly redis: Watch;
  readonly postgres: Watch;
  readonly isStopping: () => boolean;
}

export class Health {
  readonly #probes: HealthProbes;

  constructor(probes: HealthProbes) {
    this.#probes = probes;
  }

  /** The store that does not serve, as of the last check. Redis comes first, since most is read there. */
  sickStore(): { readonly part: 'redis' | 'postgres'; readonly health: BackendHealth } | undefined {
    for (const part of ['redis', 'postgres'] as const) {
      const { health } = this.#probes[part];
      if (health.state !== 'ok') return { part, health };
    }
    return undefined;
  }

  /** The value of a read; an error soon after one of the stores turns out to be gone. */
  whileServing<Value>(read: Promise<Value>): Promise<Value> {
    const { redis, postgres } = this.#probes;
    return redis.whileServing(postgres.whileServing(read));
  }

  async check(): Promise<HealthReport> {
    const [redis, postgres] = await Promise.all([this.#probes.redis.check(), this.#probes.postgres.check()]);
    const parts = { broker: partOf(this.#probes.broker()), redis: partOf(redis), postgres: partOf(postgres) };
    const isReady = Object.values(parts).every(({ isUp }) => isUp) && !this.#probes.isStopping();
    return { isReady, parts };
  }
}

function partOf({ state, reason, sinceMs }: BackendHealth): Part {
  return { isUp: state === 'ok', state, detail: reason, since: new Date(sinceMs).toISOString() };
}
