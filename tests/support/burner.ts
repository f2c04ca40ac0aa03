/** A program that is none of ours and computes without a pause, for at most a minute. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const CODE = 'console.log(process.pid); for (const end = Date.now() + 60000; Date.now() < end;);';

/** Starts it through a shell that ends, so that it does not descend from this process. */
export async function startBurner(): Promise<{ readonly pid: number; end(): void }> {
  const shell = spawn('sh', ['-c', '"$0" -e "$1" &', process.execPath, CODE], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [[line]] = (await Promise.all([once(shell.stdout, 'data'), once(shell, 'exit')])) as [
    [Buffer],
    unknown,
  ];
  const pid = Number(line.toString());
  return {
    pid,
    end() {
      shell.stdout.destroy();
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    },
  };
}
