/** `wrk` as a second opinion: it uses less of the machine than any generator in JavaScript, so it shows more of the engine. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { lowerPriority } from '../../control/processes/priority.ts';

/** With several sales, `saleId` is the beginning of their ids, and each takes its turn. */
const SCRIPT = (saleId: string, path: string, sales: number) => `
local n = 0
local function sale(n)
  return ${sales === 1 ? `"${saleId}"` : `string.format("${saleId}-%0${String(sales).length}d", n % ${sales} + 1)`}
end
local seed = tostring(math.random(1, 1e9)) .. os.time()
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, "${path}", nil, '{"saleId":"' .. sale(n) .. '","userId":"w' .. seed .. '-' .. n .. '"}')
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
  sales = 1,
): Promise<{ rps: number; answered: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'fg-wrk-'));
  try {
    const script = join(dir, 'reserve.lua');
    writeFileSync(script, SCRIPT(saleId, path, sales));
    const stdout = await outputOf(
      ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url],
      (seconds + 30) * 1_000,
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

/** What `wrk` prints, which runs at the same rank as what it measures. */
async function outputOf(args: readonly string[], limitMs: number): Promise<string> {
  const child = spawn('wrk', args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: limitMs,
  });
  lowerPriority(child.pid);
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (child.exitCode !== 0)
    throw new Error(`wrk ended with ${child.signalCode ?? child.exitCode}: ${output}`);
  return output;
}
