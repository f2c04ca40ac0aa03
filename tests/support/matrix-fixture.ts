/** Results of a crash matrix, for tests of what is made from them. */
import type { MatrixResult } from '../../contract/matrix-report.ts';

/** An attack that passed, or what is given of another. */
export function matrixResult(over: Partial<MatrixResult> = {}): MatrixResult {
  return {
    fault: 'kill:worker',
    seed: 1,
    provider: 'native',
    args: '--fault kill:worker@25%',
    runId: 'run-1',
    exitCode: 0,
    hadEffect: true,
    broken: [],
    reasons: [],
    oversold: 0,
    undersold: 0,
    lost: 0,
    duplicated: 0,
    pending: 0,
    unknown: 3,
    requests: 1_000,
    coverage: { frameRedelivered: 2 },
    ...over,
  };
}

/** One of each outcome but `invalid`. */
export const MIXED_RESULTS = [
  matrixResult(),
  matrixResult({ seed: 2, args: '--seed 2', exitCode: 3, broken: ['no_oversell'], oversold: 1 }),
  matrixResult({ seed: 3, args: '--seed 3', exitCode: 5, hadEffect: false }),
  matrixResult({ seed: 4, args: '--seed 4', exitCode: 6, reasons: ['Redis is away.'] }),
];
