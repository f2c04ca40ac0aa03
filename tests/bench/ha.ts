/**
 * `npm run ha -- --seeds 20`: kills each leader, a gateway and a worker of a highly available cluster of its own, each in the middle
 * of an attack, once for each seed; ends with 1 when one did not pass, or when buyers were without service for too long.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { milliseconds } from '../../contract/format.ts';
import { outcomeOf } from '../../contract/matrix-report.ts';
import { MatrixFile } from '../../control/runs/matrix-file.ts';
import { temporaryDataDir } from '../support/terminal.ts';

/** ms without an accepted request that buyers may see. */
const MOST_WITHOUT_SERVICE_MS = 10_000;
const ROWS = 'kill:rabbitmq-leader,kill:redis-primary,kill:postgres-primary,kill:gateway,kill:worker';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, only: { type: 'string', default: ROWS } },
});
const { path: dataDir, remove } = await temporaryDataDir();
const out = join(dataDir, 'results.ndjson');
const matrix = ['matrix', '--ha', '--seeds', values.seeds, '--only', values.only, '--out', out];
try {
  const options = ['--gateways', '2', '--workers', '2', '--data-dir', dataDir];
  await once(
    spawn(process.execPath, ['out/main/cli.js', ...matrix, ...options], { stdio: 'inherit' }),
    'exit',
  );
  const results = await new MatrixFile(out, 0o666).list();
  const rows = values.only.split(',').map((fault) => {
    const own = results.filter((one) => one.fault === fault);
    const times = own.map(({ withoutServiceMs = Infinity }) => withoutServiceMs).sort((a, b) => a - b);
    const worst = own.toSorted((a, b) => (b.withoutServiceMs ?? 0) - (a.withoutServiceMs ?? 0))[0];
    return {
      fault,
      attacks: own.length,
      pass: own.filter((one) => outcomeOf(one) === 'pass').length,
      'without service, median': milliseconds(times[Math.floor(times.length / 2)] ?? 0),
      'at worst': `${milliseconds(times.at(-1) ?? 0)} (seed ${worst?.seed ?? ''})`,
    };
  });
  console.table(rows);
  const isGood = results.every(
    (one) => outcomeOf(one) === 'pass' && (one.withoutServiceMs ?? Infinity) <= MOST_WITHOUT_SERVICE_MS,
  );
  const asked = Number(values.seeds) * values.only.split(',').length;
  process.stdout.write(`${results.length} of ${asked} attacks: ${isGood ? 'all good' : 'not all good'}\n`);
  process.exitCode = isGood && results.length >= asked ? 0 : 1;
} finally {
  await remove();
}
