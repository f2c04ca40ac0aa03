/** Runs a shell script in a container of ours. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { ask } from './errors.ts';

const SCRIPT_LIMIT_MS = 30_000;

/**
 * @returns what the script printed
 * @throws Error with what it printed to stderr when it fails; FailureError when the daemon does not answer
 */
export async function runInContainer(
  container: Docker.Container,
  step: string,
  script: string,
): Promise<string> {
  const about = 'running a script in a container';
  const exec = await ask(step, about, () =>
    container.exec({ Cmd: ['/bin/sh', '-c', script], AttachStdout: true, AttachStderr: true }),
  );
  const stream = await ask(step, about, () => exec.start({}));
  const [out, err] = [new PassThrough(), new PassThrough()];
  container.modem.demuxStream(stream, out, err);
  const timer = setTimeout(() => stream.destroy(), SCRIPT_LIMIT_MS);
  stream.once('close', () => {
    clearTimeout(timer);
    out.end();
    err.end();
  });
  stream.once('end', () => stream.destroy());
  const [printed, complained] = await Promise.all([text(out), text(err)]);
  const { ExitCode } = await ask(step, about, () => exec.inspect());
  if (ExitCode !== 0) throw new Error(complained.trim() || `the script ended with code ${ExitCode ?? '?'}`);
  return printed;
}
