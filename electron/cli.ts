/** The terminal face: `flashgrid COMMAND`. Reads the arguments, calls the contract, and gives the exit code. */
import process from 'node:process';
import { appVersion, dataDirOf, dataDirProblem } from './app-paths.ts';
import { EXIT, terminalCommands } from './cli/commands.ts';
import { UsageError, helpText, parseTerminal } from './cli/args.ts';
import { openOutputs } from './cli/outputs.ts';
import { redact } from '../services/shared/redact.ts';
import { FailureError } from './control/cluster/cluster.ts';

/** ms that open handles may keep the process after its work is done. */
const LINGER_MS = 2_000;

async function main(argv: readonly string[]): Promise<number> {
  const { command, values, positionals } = parseTerminal(argv);
  if (command === 'help') {
    process.stdout.write(`${helpText(positionals[0])}\n`);
    return EXIT.pass;
  }
  if (command === 'version') {
    process.stdout.write(`${appVersion()}\n`);
    return EXIT.pass;
  }
  const wantedDir = typeof values['data-dir'] === 'string' ? values['data-dir'] : undefined;
  const problem = dataDirProblem(wantedDir);
  if (problem !== undefined) throw new UsageError(problem);
  const dataDir = dataDirOf(wantedDir);
  const outputs = await openOutputs(values);
  // A run record on the standard output is for a program: what people read goes to the other one.
  const out = outputs.isStdoutTaken ? process.stderr : process.stdout;
  return await terminalCommands[command]({ values, positionals, dataDir, out, outputs });
}

function tell(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(
      `✗ ${error.message}\n  \`flashgrid --help\` lists the commands, \`flashgrid COMMAND --help\` their options.\n`,
    );
    return EXIT.usage;
  }
  if (error instanceof FailureError) {
    const { message, fix, step } = error.failure;
    process.stderr.write(redact(`✗ ${step ? `${step}: ` : ''}${message}\n  → ${fix}\n`));
    return EXIT.infrastructure;
  }
  process.stderr.write(
    redact(
      `✗ Unexpected: ${error instanceof Error ? error.message : String(error)}\n  → Run it again with FLASHGRID_DEBUG=1 and report what it prints.\n`,
    ),
  );
  if (process.env['FLASHGRID_DEBUG'] && error instanceof Error)
    process.stderr.write(redact(`${error.stack ?? ''}\n`));
  return EXIT.infrastructure;
}

process.exitCode = await main(process.argv.slice(2)).catch(tell);
setTimeout(() => process.exit(), LINGER_MS).unref();
