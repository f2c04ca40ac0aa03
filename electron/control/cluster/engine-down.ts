/** An engine that has ended while the cluster counts as running: nothing restarts it, so whoever needs it must say what to do. */
import { FailureError, type Cluster, type EngineRole } from './cluster.ts';

const TITLES: Readonly<Record<EngineRole, string>> = {
  rabbitmq: 'RabbitMQ',
  redis: 'Redis',
  postgres: 'Postgres',
};

/** The failure that names the engines that have ended; `undefined` while all are there. */
export function engineDown(cluster: Pick<Cluster, 'engines'>): FailureError | undefined {
  const down = cluster.engines().filter((engine) => engine.state === 'failed');
  if (down.length === 0) return undefined;
  const names = down.map((engine) => TITLES[engine.role]).join(' and ');
  return new FailureError({
    code: 'cluster.engineDown',
    message: `${names} ${down.length === 1 ? 'has' : 'have'} ended and ${down.length === 1 ? 'is' : 'are'} not running any more.`,
    fix: 'Stop the cluster and start it again: its data are kept.',
  });
}
