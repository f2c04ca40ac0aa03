/** `npm run faults -- --count 100 --seed 1`: attacks with random faults on a native cluster of its own; ends with 1 when one told a false verdict. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { attackWithFault, whenWell } from '../support/fault-attacks.ts';
import { flashgrid, temporaryDataDir } from '../support/terminal.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
  },
});
const [count, seed, from] = [Number(values.count), Number(values.seed), Number(values.from)];
const { path: dataDir, remove } = await temporaryDataDir();
const codes = new Map<number, number>();
let wrong = 0;
try {
  const up = flashgrid(dataDir, 'up', '--provider', 'native', '--gateways', '2', '--workers', '2');
  if ((await up.ended()) !== 0) throw new Error(up.output());
  for (let number = from; number < from + count; number++) {
    await whenWell(dataDir);
    const { exitCode, fault, tookMs, record, wrongs } = await attackWithFault(dataDir, seed, number);
    codes.set(exitCode, (codes.get(exitCode) ?? 0) + 1);
    if (wrongs.length > 0) wrong++;
    const why = exitCode === 0 ? '' : ` ${record?.reasons.join(' ') ?? ''}`;
    process.stdout.write(
      `${number}  ${fault.name}, after ${fault.afterMs} ms: exit ${exitCode}, ${(tookMs / 1_000).toFixed(1)} s${why}\n${wrongs.map((text) => `    WRONG: ${text}\n`).join('')}`,
    );
  }
} finally {
  await flashgrid(dataDir, 'down', '--reset').ended();
  await remove();
}
const told = [...codes].sort(([a], [b]) => a - b).map(([code, times]) => `exit ${code}: ${times}`);
process.stdout.write(`\n${count} attacks of seed ${seed}: ${told.join(', ')}; ${wrong} false\n`);
process.exitCode = wrong > 0 ? 1 : 0;
