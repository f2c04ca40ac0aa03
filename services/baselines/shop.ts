/**
 * A design of the lab as a shop: one HTTP interface for all of them, on `node:http` alone, so that it is not what is
 * measured. FLASHGRID_DESIGN names the design.
 *
 *   POST /reset?stock=N   POST /buy/BUYER   GET /tickets   GET /outcomes/BUYER   GET /notes?buyers=A,B
 *   POST /join?stock=N    what a second instance gets in the place of /reset
 *   POST /stand           the process stops itself (SIGSTOP) when a request gets to the design's stop point
 *
 * With FLASHGRID_RACE a person sends the statements of two buyers one by one:
 *
 *   POST /race   GET /race   POST /step/A   POST /step/B
 */
import { createServer, type ServerResponse } from 'node:http';
import process from 'node:process';
import { z } from 'zod';
import { errorText } from '../shared/error-text.ts';
import { reportReady } from './baseline-process.ts';
import { isBuyer, Race } from './race.ts';
import { atomicUpdate } from './designs/atomic-update.ts';
import { Notes, type MakeDesign, type Reply } from './designs/design.ts';
import { oneEach } from './designs/one-each.ts';
import { postgresBatched } from './designs/postgres-batched.ts';
import { readThenWrite } from './designs/read-then-write.ts';
import { redisDecr } from './designs/redis-decr.ts';
import { redisGetDecr } from './designs/redis-get-decr.ts';
import { redisLua } from './designs/redis-lua.ts';
import { redlock } from './designs/redlock.ts';
import { rowLock } from './designs/row-lock.ts';
import { skipLocked } from './designs/skip-locked.ts';
import { versionColumn } from './designs/version-column.ts';

const DESIGNS: Readonly<Record<string, MakeDesign>> = {
  'read-then-write': readThenWrite('READ COMMITTED'),
  'repeatable-read': readThenWrite('REPEATABLE READ'),
  serializable: readThenWrite('SERIALIZABLE'),
  'row-lock': rowLock,
  'atomic-update': atomicUpdate,
  'skip-locked': skipLocked,
  'postgres-batched': postgresBatched,
  'version-column': versionColumn,
  'redis-get-decr': redisGetDecr,
  'redis-decr': redisDecr,
  'redis-lua': redisLua,
  redlock,
  'one-each': oneEach,
};

const STATUS: Readonly<Record<Reply['is'], number>> = {
  granted: 201,
  queued: 202,
  soldOut: 409,
  gaveUp: 503,
};
/** Connections that may wait in the kernel to be accepted: ten thousand buyers come at once. */
const BACKLOG = 16_384;

const config = z
  .object({
    FLASHGRID_DESIGN: z.enum(Object.keys(DESIGNS)),
    FLASHGRID_AMQP_URL: z.string(),
    FLASHGRID_REDIS_URL: z.string(),
    FLASHGRID_POSTGRES_URL: z.string(),
    FLASHGRID_POSTGRES_SCHEMA: z.string(),
    FLASHGRID_NAMESPACE: z.string(),
    FLASHGRID_RACE: z.string().optional(),
  })
  .parse(process.env);
const race = config.FLASHGRID_RACE ? new Race() : undefined;
const notes = new Notes(race);
const make = DESIGNS[config.FLASHGRID_DESIGN];
if (!make) throw new Error('no such design');
const design = await make({
  postgresUrl: config.FLASHGRID_POSTGRES_URL,
  redisUrl: config.FLASHGRID_REDIS_URL,
  amqpUrl: config.FLASHGRID_AMQP_URL,
  schema: config.FLASHGRID_POSTGRES_SCHEMA,
  namespace: config.FLASHGRID_NAMESPACE,
  notes,
});

async function answer(method: string, url: URL): Promise<[status: number, body: object]> {
  const [, what = '', one = ''] = url.pathname.split('/');
  if (race && method === 'POST' && what === 'race') return [200, await race.begin(design)];
  if (race && method === 'POST' && what === 'step' && isBuyer(one)) return [200, await race.step(one)];
  if (race && method === 'GET' && what === 'race') return [200, await race.look()];
  switch (`${method} ${what}`) {
    case 'POST buy': {
      const reply = await design.reserve(one);
      if (reply.is === 'granted') notes.sold++;
      return [STATUS[reply.is], { ...reply, id: one }];
    }
    case 'POST reset':
      notes.clear();
      await design.open(Number(url.searchParams.get('stock')));
      return [200, {}];
    case 'POST join':
      await design.join(Number(url.searchParams.get('stock')));
      return [200, {}];
    case 'POST stand':
      notes.stopAtNext = () => {
        process.send?.({ type: 'standing' });
        process.kill(process.pid, 'SIGSTOP');
      };
      return [200, {}];
    case 'GET tickets':
      return [200, { tickets: await design.tickets() }];
    case 'GET outcomes':
      return [200, { is: design.outcome?.(one) ?? 'pending' }];
    case 'GET notes':
      return [
        200,
        {
          costs: notes.costs,
          sold: notes.sold,
          cpuMs: process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000,
          moments: notes.momentsOf(new Set(url.searchParams.get('buyers')?.split(','))),
        },
      ];
    default:
      return [404, { error: 'no such path' }];
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => {
  // Nothing is read from a body, but it must be taken off the connection.
  request.resume();
  answer(request.method ?? '', new URL(request.url ?? '/', 'http://127.0.0.1')).then(
    ([status, body]) => send(response, status, body),
    (error: unknown) => {
      const text = errorText(error);
      process.stderr.write(`${request.url}: ${text}\n`);
      send(response, 500, { error: text });
    },
  );
});
server.listen({ host: '127.0.0.1', port: 0, backlog: BACKLOG }, () => {
  const address = server.address();
  reportReady(typeof address === 'object' && address ? address.port : 0, async () => {
    server.closeAllConnections();
    server.close();
    await race?.end().catch(() => undefined);
    await design.close();
  });
});
