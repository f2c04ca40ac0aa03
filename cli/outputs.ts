/**
 * The files of the options that export a run. They are checked before the command starts, so that no
 * attack runs for a report that can't be written. Each is written beside its place and moved there: a full disk leaves
 * the old one whole.
 */
import { fstatSync, writeFile as writeDescriptor, type Stats } from 'node:fs';
import { realpath, rm, stat, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { FailureError } from '../contract/failure.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../contract/export-formats.ts';
import { writeFileAtomic } from '../control/lib/atomic-file.ts';
import { makeFolder } from '../control/lib/data-folder.ts';
import { commandLine } from '../control/lib/command-line.ts';
import { UsageError, type OptionValues } from '../contract/attack-options.ts';
import type { Output } from './output.ts';
import { errorText } from '../services/shared/error-text.ts';

/** The option value for the standard output. */
const STDOUT = '-';
const STDOUT_DESCRIPTOR = 1;
/** Paths of open descriptors, as a shell passes them for `>(command)`. */
const DESCRIPTOR = /^\/(?:dev|proc\/self)\/fd\/(\d{1,4})$/;

export interface Outputs {
  /** Whether a format goes to the standard output. */
  readonly isStdoutTaken: boolean;
  /** The requested formats, in a fixed order. */
  readonly formats: readonly ExportFormat[];
  /**
   * Writes a requested format.
   * @returns its path; `undefined` for the standard output
   * @throws FailureError naming the path
   */
  write(format: ExportFormat, content: string | Buffer): Promise<string | undefined>;
}

/** @throws UsageError naming the option whose file can't be written */
export async function openOutputs(values: OptionValues): Promise<Outputs> {
  const targets = new Map<ExportFormat, string>();
  for (const format of EXPORT_FORMATS) {
    const value = values[format];
    if (typeof value !== 'string') continue;
    const target = descriptorOf(value) === STDOUT_DESCRIPTOR ? STDOUT : resolve(value);
    for (const [other, taken] of targets)
      if (taken === target) throw new UsageError(`--${other} and --${format} can't both go to ${value}.`);
    try {
      if (target !== STDOUT) await tryPlace(target);
    } catch (error) {
      throw new UsageError(`--${format} ${value} can't be written: ${reasonOf(error)}`);
    }
    targets.set(format, target);
  }
  return {
    isStdoutTaken: [...targets.values()].includes(STDOUT),
    formats: [...targets.keys()],
    write: async (format, content) => {
      const target = targets.get(format) ?? STDOUT;
      if (target !== STDOUT) return await writeOut(target, content);
      await new Promise<void>((done, fail) =>
        process.stdout.write(content, (error) => (error ? fail(error) : done())),
      );
      return undefined;
    },
  };
}

/** Writes a value for `--json`, if that was requested. */
export async function writeJson(value: unknown, outputs: Outputs, out: Output): Promise<void> {
  if (outputs.formats.length === 0) return;
  const path = await outputs.write('json', `${JSON.stringify(value, null, 2)}\n`);
  if (path !== undefined) out.print(`Written: ${path}`);
}

/** The descriptor of this process that a path names, if any. */
function descriptorOf(path: string): number | undefined {
  if (path === STDOUT) return STDOUT_DESCRIPTOR;
  const full = resolve(path);
  if (full === '/dev/stdout') return STDOUT_DESCRIPTOR;
  if (full === '/dev/stderr') return STDOUT_DESCRIPTOR + 1;
  const number = DESCRIPTOR.exec(full)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** What is at a path now; follows links. */
async function placeOf(path: string): Promise<{ path: string; isDevice: boolean; mode: number }> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return { path, isDevice: false, mode: 0o600 };
    throw error;
  }
  if (found.isDirectory()) throw new Error('it is a folder. Name a file in it.');
  if (found.isCharacterDevice()) return { path, isDevice: true, mode: 0 };
  // Opening a pipe would block until a reader comes.
  if (!found.isFile())
    throw new Error(`it is a ${kindOf(found)}. Name a file, or - for the standard output.`);
  return { path: await realpath(path), isDevice: false, mode: found.mode & 0o777 };
}

function kindOf(found: Stats): string {
  return found.isFIFO() ? 'named pipe' : found.isSocket() ? 'socket' : 'block device';
}

/** @throws Error if no file can be written there */
async function tryPlace(path: string): Promise<void> {
  const descriptor = descriptorOf(path);
  if (descriptor !== undefined) return void fstatSync(descriptor);
  makeFolder(dirname(path));
  const place = await placeOf(path);
  // Nothing is written to a device before there is content.
  if (place.isDevice) return;
  const probe = `${place.path}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(probe, '', { flag: 'wx' });
  await rm(probe, { force: true });
}

async function writeOut(target: string, content: string | Buffer): Promise<string> {
  try {
    const descriptor = descriptorOf(target);
    if (descriptor !== undefined) {
      await promisify(writeDescriptor)(descriptor, content);
      return target;
    }
    makeFolder(dirname(target));
    const place = await placeOf(target);
    // Moving a file over a device would replace the device.
    if (place.isDevice) await writeFile(place.path, content);
    else writeFileAtomic(place.path, content, place.mode);
  } catch (error) {
    throw new FailureError(
      {
        code: 'cli.cantWrite',
        message: `${target} can't be written: ${reasonOf(error)}`,
        fix: `Free space, or choose a folder that you may write to. The run is saved: \`${commandLine('report RUN')}\` writes it again.`,
      },
      { cause: error },
    );
  }
  return target;
}

function reasonOf(error: unknown): string {
  const text = errorText(error);
  return text.endsWith('.') ? text : `${text}.`;
}
