/**
 * Makes recording.ndjson: starts the built app on this machine's own backends, attacks it, and writes down all that a
 * page is sent. The worker is killed half-way, so that the recording shows a restart too.
 *
 *   npm run record
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { connectRemote } from '../../cli/remote-client.ts';
import {
  events,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type EventName,
} from '../../contract/contract.ts';
import { ReleaseStack } from '../../services/shared/release-stack.ts';
import { serveFreshApp } from '../serve.ts';
import { RECORDING, readTake, type RecordedStep, type RecordingHead } from './recorded-run.ts';

const RUN_LIMIT_MS = 120_000;
/** Lines of log that were there before. */
const EARLIER_LINES = 100;
/** After the verdict: the pipeline is idle again. */
const AFTERWARDS_MS = 2_500;

const undo = new ReleaseStack();
try {
  const served = await serveFreshApp();
  undo.add('app', () => served.close(), 90_000);
  const { hostname: host, port, searchParams } = new URL(served.url);
  const client = await connectRemote({
    host,
    port: Number(port),
    token: searchParams.get('token') ?? '',
  });
  undo.add('connection', () => client.close());

  const ask = async <Name extends CommandName>(
    name: Name,
    input: CommandInput<Name>,
  ): Promise<CommandOutput<Name>> => {
    const result = await client.call(name, input);
    if (!result.ok) throw new Error(`${name}: ${result.error.message} ${result.error.fix}`);
    return result.value;
  };

  console.log('Starting the cluster…');
  await ask('cluster.start', {});
  const diagnosis = await ask('doctor.runChecks', {});
  const { lines } = await ask('logs.listLines', { limit: EARLIER_LINES });
  const snapshot = await ask('app.getSnapshot', {});
  const [beganAtMs, began] = [Date.now(), performance.now()];
  const steps: RecordedStep[] = [];
  const saved = new Promise<RecordingHead['run']>((done) =>
    client.on('runs.runSaved', ({ run }) => done(run)),
  );
  for (const name of Object.keys(events) as EventName[])
    client.on(name, ({ seq: _, ...payload }) =>
      steps.push({ afterMs: Math.round(performance.now() - began), name, payload }),
    );

  console.log('Attacking…');
  await ask('attack.launch', {
    profile: 'sustained',
    ratePerSec: 1_500,
    durationSec: 12,
    connections: 200,
    stock: 2_000,
    faults: 'kill:workers@50%',
  });
  const run = await Promise.race([
    saved,
    wait(RUN_LIMIT_MS).then(() => {
      throw new Error(`no verdict within ${RUN_LIMIT_MS / 1_000} s`);
    }),
  ]);
  await wait(AFTERWARDS_MS);
  const record = await ask('runs.getRun', { id: run.id });
  const head: RecordingHead = { beganAtMs, snapshot, lines, diagnosis, run, record };
  const text = [head, ...steps].map((line) => `${JSON.stringify(line)}\n`).join('');
  readTake(text, undefined, '');
  await writeFile(RECORDING, text);
  console.log(
    `${run.verdict}: ${steps.length} events, ${Math.round(text.length / 1_000)} kB in ${RECORDING}`,
  );
} finally {
  await undo.release();
}
process.exit();
