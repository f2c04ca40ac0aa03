/** `wrk` as a second opinion: it uses less of the machine than any generator in JavaScript, so it shows more of the engine. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = (saleId: string, path: string) => `
local n = 0
local seed = tostring(math.random(1, 1e9)) .. os.time()
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, "${path}", nil, '{"saleId":"${saleId}","userId":"w' .. seed .. '-' .. n .. '"}')
end
`;

/** Whether this machine has it. */
export function hasWrk(): boolean {
  try {
    execFileSync('wrk', ['-v'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    // It prints its version and ends with 1.
    return error instanceof Error && 'status' in error && error.status === 1;
  }
}

/** Requests a second of one `wrk` run. @throws Error when any answer was not a 2xx */
export async function runWrk(
  url: string,
  saleId: string,
  connections: number,
  seconds: number,
  path = '/reserve',
): Promise<{ rps: number; answered: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'fg-wrk-'));
  try {
    const script = join(dir, 'reserve.lua');
    writeFileSync(script, SCRIPT(saleId, path));
    const { stdout } = await promisify(execFile)(
      'wrk',
      ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url],
      { timeout: (seconds + 30) * 1_000 },
    );
    if (/Non-2xx/.test(stdout)) throw new Error(`wrk saw refusals:\n${stdout}`);
    return {
      rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]),
      answered: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
