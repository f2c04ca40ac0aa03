/** Turns what a child writes to stdout and stderr into log lines. */
import { StringDecoder } from 'node:string_decoder';
import type { LogLine } from '../../contract/state.ts';
import { z } from 'zod';
import { parseJson } from '../../services/shared/parse-json.ts';

/** Characters after which a line without an end is cut. */
const MAX_PENDING = 16_384;

/** Calls `onLine` for every line of the stream, the last unfinished one included. */
export function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  const handle = (text: string) => {
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > MAX_PENDING) {
      lines.push(pending);
      pending = '';
    }
    for (const line of lines) if (line.trim() !== '') onLine(line.replace(/\r$/, ''));
  };
  stream.on('data', (chunk: Buffer) => handle(decoder.write(chunk)));
  stream.on('end', () => {
    handle(decoder.end());
    if (pending.trim() !== '') onLine(pending);
    pending = '';
  });
  // A broken stream has no more lines; the child's exit is reported elsewhere.
  stream.on('error', () => undefined);
}

function levelOf(pinoLevel: number): LogLine['level'] {
  if (pinoLevel >= 50) return 'error';
  if (pinoLevel >= 40) return 'warn';
  return pinoLevel >= 30 ? 'info' : 'debug';
}

/** ms that a line may be on its way. One that tells another time has a clock that was set wrong. */
const MAX_WAY_MS = 5_000;

const PINO_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name', 'instance', 'role']);

const pinoSchema = z.looseObject({
  msg: z.unknown(),
  level: z.number(),
  time: z.number().optional().catch(undefined),
});

/** Reads a line that may be pino's JSON; any other text becomes a line of level `fallback`. */
export function parseServiceLine(
  part: string,
  line: string,
  fallback: LogLine['level'],
  nowMs: number,
): LogLine {
  const parsed = line.startsWith('{') ? parseJson(line, pinoSchema) : undefined;
  if (!parsed) return { atMs: nowMs, part, level: fallback, text: line };
  const rest = Object.entries(parsed).filter(([key]) => !PINO_FIELDS.has(key));
  const { time = nowMs } = parsed;
  const extra = rest.map(([key, value]) => ` ${key}=${valueText(value)}`);
  return {
    atMs: Math.abs(time - nowMs) > MAX_WAY_MS ? nowMs : time,
    part,
    level: levelOf(parsed.level),
    text: `${String(parsed.msg)}${extra.join('')}`,
  };
}

/** As a person would write it: `tries=3 host="a b" limits={max=10}`. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return value === '' || /[\s"=]/.test(value) ? JSON.stringify(value) : value;
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, each]) => `${key}=${valueText(each)}`)
      .join(' ')}}`;
  return String(value);
}
