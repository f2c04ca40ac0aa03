/**
 * Where a running control centre tells the terminal how to reach it: one file in the data folder, readable by
 * its owner only.
 *
 * After a crash the file stays, and its pid or its port may belong to another program by then. So whoever
 * reads it asks the port with the token, and knows by the start time whether the very process that wrote the
 * file still lives (cli/session.ts).
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { identify, type ProcessIdentity } from './processes/process-table.ts';
import { parseJson } from '../services/shared/parse-json.ts';

const instanceSchema = z.object({
  pid: z.number().int(),
  /** Empty in files of older versions, and where the system does not tell. */
  startedAt: z.string().default(''),
  /** As a URL names it; earlier versions listened on IPv4 alone. */
  host: z.string().default('127.0.0.1'),
  port: z.number().int(),
  token: z.string(),
  url: z.string(),
  version: z.string(),
});
export type Instance = z.infer<typeof instanceSchema>;

const pathIn = (dataDir: string) => join(dataDir, 'control.json');

/** Writes the file for this process; it is never seen half-written. */
export async function writeInstance(
  dataDir: string,
  frontend: Omit<Instance, 'pid' | 'startedAt'>,
): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${pathIn(dataDir)}.${process.pid}`;
  const self: ProcessIdentity = identify(process.pid) ?? { pid: process.pid, startedAt: '' };
  const { host, port, token, url, version } = frontend;
  const instance: Instance = { ...self, host, port, token, url, version };
  await writeFile(draft, JSON.stringify(instance), { mode: 0o600 });
  await rename(draft, pathIn(dataDir));
}

/** What the file says; `undefined` when there is none. Its control centre may be gone: see cli/session.ts. */
export async function readInstance(dataDir: string): Promise<Instance | undefined> {
  const text = await readFile(pathIn(dataDir), 'utf8').catch(() => '');
  return parseJson(text, instanceSchema);
}

/** Removes the file if it is this process's own. */
export async function removeInstance(dataDir: string): Promise<void> {
  const instance = await readInstance(dataDir);
  if (instance?.pid === process.pid && instance.startedAt === (identify(process.pid)?.startedAt ?? ''))
    await rm(pathIn(dataDir), { force: true });
}
