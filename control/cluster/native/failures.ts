/** What can go wrong with native backends, each with its cause and what to do. */
import { FailureError } from '../../../contract/failure.ts';

const DISK_FULL = /no space left on device|enospc/i;

/** The start was ended by the caller. */
export function cancelled(): FailureError {
  return new FailureError({
    code: 'cluster.cancelled',
    message: 'The start was cancelled.',
    fix: 'Start the cluster again when you want it.',
  });
}

/** Throws once the start is cancelled. */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

/** Resolves once the start is cancelled. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A backend's process ended before it served. */
export function backendExited(
  title: string,
  how: string,
  lines: readonly string[],
  logPath: string,
): FailureError {
  if (DISK_FULL.test(lines.join('\n'))) return diskFull(`${title} found no space left on the disk`);
  const said = lines.length === 0 ? 'Its log is empty.' : `Its last lines:\n${lines.join('\n')}`;
  return new FailureError({
    code: 'native.backendExited',
    message: `${title} ended at once (${how}). ${said}`,
    fix: `Read ${logPath}. If its data is damaged, reset the cluster (this deletes the data) and start again.`,
  });
}

/** A backend runs but does not serve in time. */
export function notReady(
  title: string,
  limitMs: number,
  problem: string,
  lines: readonly string[],
  logPath: string,
): FailureError {
  if (DISK_FULL.test(lines.join('\n'))) return diskFull(`${title} found no space left on the disk`);
  return new FailureError({
    code: 'native.notReady',
    message: `${title} did not serve within ${limitMs / 1000} s: ${problem}. Its last lines:\n${lines.join('\n')}`,
    fix: `Read ${logPath}; close programs that keep the machine busy and start again, or reset the cluster (this deletes its data).`,
  });
}

/** The members of a backend live, and do not find together. */
export function waitedInVain(what: string, limitMs: number, problem: string): FailureError {
  return new FailureError({
    code: 'native.notReady',
    message: `Waited ${limitMs / 1000} s in vain for ${what}: ${problem}.`,
    fix: 'Close programs that keep the machine busy and start again, or reset the cluster (this deletes its data).',
  });
}

/** The data was made with another password: the file with the passwords was lost or replaced. */
export function strangePassword(title: string, problem: string): FailureError {
  return new FailureError({
    code: 'native.strangePassword',
    message: `${title} does not accept its password: ${problem}. The cluster's settings file was lost or replaced.`,
    fix: 'Put native/settings.json of the data folder back, or reset the cluster (this deletes its data).',
  });
}

/** No free port was found, or each was taken before the backend could listen on it. */
export function portTaken(title: string, ports: readonly number[]): FailureError {
  return new FailureError({
    code: 'native.portTaken',
    message: `${title} could not listen: other programs took its ports again and again, at last ${ports.join(', ')}.`,
    fix: 'Start again; if it happens again, look with `ss -ltnp` for the program that takes ports of 127.0.0.1.',
  });
}

export function chosenPortTaken(title: string, port: number): FailureError {
  return new FailureError({
    code: 'native.chosenPortTaken',
    message: `${title} can't listen on port ${port}, which is set for it: another program has it.`,
    fix: 'Choose another port in the settings, or 0 for any free one.',
  });
}

/**
 * RabbitMQ passes the path of its data to a shell, and hangs on one with a quote. Postgres writes the path
 * into files of lines.
 */
export function throwIfUnusable(path: string): void {
  const [what, who] = /[\0-\x1f\x7f]/.test(path)
    ? ['a line break or another control character', 'Postgres']
    : /['"]/.test(path)
      ? ['a quote', 'RabbitMQ']
      : [];
  if (what === undefined) return;
  throw new FailureError({
    code: 'native.folderName',
    message: `The path of the data folder, ${JSON.stringify(path)}, holds ${what}: ${who} can't work in it.`,
    fix: `Choose a data folder without ${what} in its path.`,
  });
}

/** Too little disk space for the backends' data. */
export function diskFull(what: string): FailureError {
  return new FailureError({
    code: 'native.diskFull',
    message: `${what}.`,
    fix: 'Free some space, or choose a data folder on another disk.',
  });
}

/** Turns a file system's error into a failure that says what to do; returns other errors unchanged. */
export function asFolderFailure(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return diskFull(`No space is left for ${path}`);
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(String(error.code))) return error;
  return new FailureError(
    {
      code: 'native.dataDirNotWritable',
      message: `The data folder ${path} can't be written: ${error.message}.`,
      fix: 'Give yourself the right to write there, or choose another data folder.',
    },
    { cause: error },
  );
}
