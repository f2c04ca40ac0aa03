/** `flashgrid selftest latency`: whether this machine measures latency right. */
import { dirname, join } from 'node:path';
import { UsageError } from '../contract/attack-options.ts';
import { milliseconds, percent, plural, whole } from '../contract/format.ts';
import { STARTS } from '../contract/run-figures.ts';
import { builtParts } from '../control/app-paths.ts';
import { SELFTEST, TOLERANCE, errorOf, selftestLatency } from '../control/selftest/latency-selftest.ts';
import { EXIT } from '../contract/exit-codes.ts';
import type { CommandContext } from './session.ts';

/** Exit code 0 when all figures agree, 5 when one does not. */
export async function selftest({ positionals, out, interrupt }: CommandContext): Promise<number> {
  if (positionals.length !== 1 || positionals[0] !== 'latency')
    throw new UsageError('Say what to test: `selftest latency`.');
  const { ratePerSec, stallMs, everyMs, times, connections } = SELFTEST;
  out.print(
    `A server of our own stands still for ${milliseconds(stallMs)} every ${milliseconds(everyMs)}, under ${whole(ratePerSec)} requests/s for ${milliseconds(everyMs * times)} over ${plural(connections, 'connection')}…`,
  );
  const { generator: generatorModule } = builtParts().modules;
  const serverModule = join(dirname(generatorModule), 'stalling-server.js');
  const { figures, limits } = await selftestLatency({ serverModule, generatorModule, signal: interrupt });
  const row = (cells: readonly string[]) =>
    cells
      .map((cell) => cell.padEnd(12))
      .join('')
      .trimEnd();
  out.print(row(['send time', 'latency', 'computed', 'measured', 'off by']));
  for (const figure of figures)
    out.print(
      row([
        STARTS[figure.from],
        figure.name,
        milliseconds(figure.computedMs),
        milliseconds(figure.measuredMs),
        percent(Math.abs(errorOf(figure))),
      ]),
    );
  const wrong = figures.filter((figure) => Math.abs(errorOf(figure)) > TOLERANCE);
  const hasBoth = ['intended', 'sent'].every((from) => figures.some((figure) => figure.from === from));
  if (wrong.length === 0 && hasBoth) {
    out.print(
      `✓ Latency is measured right here: all ${figures.length} figures agree within ${percent(TOLERANCE)}.`,
      2,
    );
    return EXIT.pass;
  }
  const names = wrong.map(({ from, name }) => `${name} from the ${STARTS[from]} send time`);
  out.print(
    `✗ Latency is not measured right here. Off by more than ${percent(TOLERANCE)}: ${names.join(', ') || 'all'}.`,
    2,
  );
  for (const limit of limits) out.print(`  ${limit}`, 4);
  return EXIT.invalid;
}
