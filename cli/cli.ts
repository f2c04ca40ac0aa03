/** The terminal frontend: `flashgrid COMMAND`. Reads the arguments, calls the contract, and gives the exit code. */
import process from 'node:process';
import { appVersion, dataDirOf, dataDirProblem } from '../control/app-paths.ts';
import { terminalCommands } from './commands.ts';
import { EXIT } from '../contract/exit-codes.ts';
import { UsageError } from '../contract/attack-options.ts';
import { helpText, parseTerminal } from './args.ts';
import { Interrupt } from './interrupt.ts';
import { Output } from './output.ts';
import { openOutputs } from './outputs.ts';
import { redact } from '../services/shared/redact.ts';
import { FailureError } from '../contract/failure.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { guardProcess } from '../control/lib/last-resort.ts';
import { errorText } from '../services/shared/error-text.ts';

/** ms that open handles may keep the process after its work is done. */
const LINGER_MS = 2_000;

const interrupt = new Interrupt();
const out = new Output(process.stdout, interrupt.outputLost);
// An error that can't be printed must not cause another.
const complain = new Output(process.stderr, () => undefined);

async function main(argv: readonly string[]): Promise<number> {
  const { command, values, positionals } = parseTerminal(argv);
  if (command === 'help') {
    out.raw(`${helpText(positionals[0], out.width)}\n`);
    return EXIT.pass;
  }
  if (command === 'version') {
    out.raw(`${appVersion()}\n`);
    return EXIT.pass;
  }
  interrupt.listen(() => {
    out.clearLive();
    complain.print('\nStopping… (once more to stop at once)');
  });
  const wantedDir = typeof values['data-dir'] === 'string' ? values['data-dir'] : undefined;
  const problem = dataDirProblem(wantedDir);
  if (problem !== undefined) throw new UsageError(problem);
  const outputs = await openOutputs(values);
  const { signal, asked } = interrupt;
  return await terminalCommands[command]({
    values,
    positionals,
    dataDir: dataDirOf(wantedDir),
    version: appVersion(),
    // With a run record on the standard output, texts for people go to the standard error.
    out: outputs.isStdoutTaken ? complain : out,
    complain,
    outputs,
    interrupt: signal,
    asked,
  });
}

function printError(error: unknown): number {
  out.clearLive();
  // After an interrupt, whatever failed is a consequence of it.
  if (interrupt.signal.aborted) return EXIT.interrupted;
  if (error instanceof UsageError) {
    complain.print(
      `✗ ${error.message}\n  \`${commandLine('--help')}\` lists the commands, \`${commandLine('COMMAND --help')}\` their options.`,
      2,
    );
    return EXIT.usage;
  }
  if (error instanceof FailureError) {
    const { message, fix, step } = error.failure;
    complain.print(redact(`✗ ${step ? `${step}: ` : ''}${message}\n  → ${fix}`), 2);
    return EXIT.infrastructure;
  }
  complain.print(
    redact(
      `✗ Unexpected: ${errorText(error)}\n  → Run it again with FLASHGRID_DEBUG=1 and report what it prints.`,
    ),
    2,
  );
  if (process.env['FLASHGRID_DEBUG'] && error instanceof Error)
    complain.raw(redact(`${error.stack ?? ''}\n`));
  return EXIT.infrastructure;
}

/** The exit code; a result that could not be written counts as a failure. */
function codeOf(code: number): number {
  if (!interrupt.outputError) return code;
  complain.print(
    `✗ The output can't be written: ${interrupt.outputError.message}\n  → Free space on its disk, or write it elsewhere.`,
    2,
  );
  return EXIT.infrastructure;
}

/**
 * Ends by the signal that a closed terminal sends. At a normal exit Node would restore the terminal's settings, which
 * fails without a terminal, and abort.
 */
function hangUp(): void {
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
}

let hasEnded = false;
guardProcess((error) => process.exit(printError(error)));
process.once('beforeExit', () => {
  if (hasEnded) return;
  complain.print(
    `✗ The command did not finish: what it waited for is gone.\n  → Check with \`${commandLine('status')}\` what still runs, then run it again.`,
    2,
  );
  process.exitCode = EXIT.infrastructure;
});

void main(process.argv.slice(2))
  .catch(printError)
  .then(async (code) => {
    // A failed write to a file emits its error one turn later.
    await new Promise(setImmediate);
    hasEnded = true;
    process.exitCode = codeOf(code);
    if (interrupt.isHungUp) hangUp();
    setTimeout(() => process.exit(), LINGER_MS).unref();
  });
