/** Why a container does not serve, with the last lines of its log. */
import { BACKEND_TITLES } from '../../../contract/backends.ts';
import type { ContainerInspectInfo } from 'dockerode';
import { FailureError } from '../../../contract/failure.ts';
import type { FailureCode } from '../../../contract/failures.ts';
import { commandLine } from '../../lib/command-line.ts';
import type { BackendUse } from './surrounding.ts';
import { DISK_FULL, FIX_DISK } from './errors.ts';
import { partName } from './labels.ts';
import { lastLines } from './logs.ts';

/** The container ended instead of serving. */
export async function containerExited(
  { around, spec, step }: BackendUse,
  id: string,
  info: ContainerInspectInfo,
): Promise<FailureError> {
  const { ExitCode, OOMKilled, Error: daemonError } = info.State;
  const lines = await lastLines(around.docker, id);
  const name = BACKEND_TITLES[spec.role];
  const tail =
    lines.length > 0 ? ` Its last lines:\n${lines.join('\n')}` : daemonError ? ` ${daemonError}` : '';
  const failure = (code: FailureCode, message: string, fix: string): FailureError =>
    new FailureError({ code, message, fix, step: step.id });
  if (DISK_FULL.test(tail))
    return failure('docker.diskFull', `The disk is full: ${name} ended at once.${tail}`, FIX_DISK);
  if (OOMKilled) {
    return failure(
      'docker.outOfMemory',
      `${name} was ended because it needed more than its ${spec.memoryBytes / 1024 / 1024} MiB of memory.${tail}`,
      'Raise the memory limit in the settings, and the memory that Docker itself may use.',
    );
  }
  return failure(
    'docker.containerExited',
    `The container of ${name} (${spec.image}) ended with exit code ${ExitCode} instead of serving.${tail}`,
    `Read its last lines above. An image that is not made like the official one, or data of another version, is the usual cause: check the image in the settings, or start over with \`${commandLine('down --reset')}\`.`,
  );
}

/** The container runs, and its backend does not serve. */
export async function containerNotReady(
  { around, spec, step }: BackendUse,
  id: string,
  why: string,
  cause?: unknown,
): Promise<FailureError> {
  const lines = await lastLines(around.docker, id);
  const tail = lines.length > 0 ? ` Its last lines:\n${lines.join('\n')}` : '';
  return new FailureError(
    {
      code: 'docker.notReady',
      message: `${BACKEND_TITLES[spec.role]} runs in ${partName(around.clusterId, spec.role)}, but does not serve: ${why}.${tail}`,
      fix: `Start again; if it stays so, look at the logs of the container, or start over with \`${commandLine('down --reset')}\`.`,
      step: step.id,
    },
    { cause },
  );
}
