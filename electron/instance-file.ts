/** Where a running control centre tells the terminal how to reach it: one file in the data folder, readable by its owner only. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const instanceSchema = z.object({
  pid: z.number().int(),
  port: z.number().int(),
  token: z.string(),
  url: z.string(),
  version: z.string(),
});
export type Instance = z.infer<typeof instanceSchema>;

const pathIn = (dataDir: string) => join(dataDir, 'control.json');

/** Writes the file; it is never seen half-written. */
export async function writeInstance(dataDir: string, instance: Instance): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${pathIn(dataDir)}.${process.pid}`;
  await writeFile(draft, JSON.stringify(instance), { mode: 0o600 });
  await rename(draft, pathIn(dataDir));
}

/** The control centre that runs on this data folder; `undefined` when none does. */
export async function readInstance(dataDir: string): Promise<Instance | undefined> {
  let text: string;
  try {
    text = await readFile(pathIn(dataDir), 'utf8');
  } catch {
    return undefined;
  }
  const parsed = instanceSchema.safeParse(safeJson(text));
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

/** Removes the file if it is this process's own. */
export async function removeInstance(dataDir: string): Promise<void> {
  const instance = await readInstance(dataDir);
  if (instance?.pid === process.pid) await rm(pathIn(dataDir), { force: true });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
