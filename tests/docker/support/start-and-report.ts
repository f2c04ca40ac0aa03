/** A process of its own that starts a cluster and tells every step: for tests that kill it in the middle. */
import { z } from 'zod';
import { createHighlyAvailableDocker } from '../../../control/cluster/docker/highly-available.ts';
import { createDockerCluster } from '../../../control/cluster/docker/docker-cluster.ts';
import { settingsSchema } from '../../../contract/settings.ts';
import { placeOf } from '../../../control/cluster/docker/places.ts';
import Docker from 'dockerode';

const argumentsSchema = z.object({
  host: z.string(),
  clusterId: z.string(),
  dataDir: z.string(),
  settings: settingsSchema.pick({ images: true, limits: true }),
  isHa: z.boolean().default(false),
});

const { host, clusterId, dataDir, settings, isHa } = argumentsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const tell = (text: string): void => void process.stdout.write(`${text}\n`);
const cluster = (isHa ? createHighlyAvailableDocker : createDockerCluster)({
  clusterId,
  dataDir,
  settings,
  docker: new Docker(placeOf(host, 'test').options),
  appVersion: '1.2.3',
  events: {
    onStep: ({ id, state, detail }) => tell(`${id} ${state} ${detail ?? ''}`),
    onBackend: () => undefined,
    onLog: () => undefined,
  },
});
await cluster.start(new AbortController().signal);
tell('started');
// Lives until it is killed.
setInterval(() => undefined, 60_000);
