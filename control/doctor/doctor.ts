/** Looks whether this machine can run FlashGrid, and says what to do where it can't. Changes nothing. */
import { byteSize } from '../../contract/format.ts';
import { execFile } from 'node:child_process';
import { access, constants, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type BackendRole, type BackendState, BACKEND_TITLES } from '../../contract/backends.ts';
import { BAD_LOGIN } from '../../services/shared/backend-trouble.ts';
import { type BackendPrograms, findPrograms, installHint } from '../cluster/native/find-programs.ts';
import type { ClusterState, Finding } from '../../contract/state.ts';
import { MIN_NODE_TEXT, isNodeNewEnough } from '../lib/node-version.ts';
import { errorText } from '../../services/shared/error-text.ts';

const run = promisify(execFile);
/**
 * Files that a process holds besides its buyers' sockets; more than preflight.ts counts, so that this warns
 * before that refuses.
 */
const OTHER_FILES = 500;
/**
 * Ten thousand buyers: a socket each in the generator, and one in the gateway, which is a process of its own.
 */
const WANTED_OPEN_FILES = 10_000 + OTHER_FILES;
const MIN_CORES = 2;
const MIN_MEMORY_BYTES = 2 * 1024 ** 3;
const MIN_FREE_BYTES = 2 * 1024 ** 3;
const ULIMIT_TIMEOUT_MS = 5_000;

export interface DoctorOptions {
  readonly dataDir: string;
  /** Where the backends are; looked for on this machine by default. */
  readonly find?: () => Promise<BackendPrograms>;
}

/** All findings, backends first. */
export async function runDoctor({ dataDir, find = () => findPrograms() }: DoctorOptions): Promise<Finding[]> {
  const [binaries, openFiles, memory, folder, disk] = await Promise.all([
    find(),
    checkOpenFiles(),
    checkMemory(),
    checkDataDir(resolve(dataDir)),
    checkDisk(resolve(dataDir)),
  ]);
  return [...programFindings(binaries), checkNode(), openFiles, checkCores(), memory, folder, disk];
}

/** What was found of each backend. */
export function programFindings(binaries: BackendPrograms): Finding[] {
  const { redis, postgres, rabbitmq } = binaries;
  return [
    backendFinding(
      binaries,
      'rabbitmq',
      'RabbitMQ',
      rabbitmq && { version: rabbitmq.version, path: rabbitmq.home, detail: `Erlang at ${rabbitmq.erl}` },
    ),
    backendFinding(
      binaries,
      'redis',
      'Redis',
      redis && { version: redis.version, path: redis.server, detail: 'Serves as a private instance' },
    ),
    backendFinding(
      binaries,
      'postgres',
      'Postgres',
      postgres && {
        version: postgres.version,
        path: postgres.binDir,
        detail: 'Serves as a private instance',
      },
    ),
  ];
}

/** How the backends of a cluster that runs are: a process that is alive may take no writes all the same. */
export function backendFindings({ state, backends }: Pick<ClusterState, 'state' | 'backends'>): Finding[] {
  if (state !== 'running') return [];
  return [...wholeFindings(backends), ...backends.flatMap(memberFindings)];
}

/** Who leads, and who is away, of a backend with several members. */
function memberFindings({ role, members = [] }: BackendState): Finding[] {
  if (members.length === 0) return [];
  const leader = members.find(({ isLeader }) => isLeader)?.name;
  const away = members.filter(({ state }) => state !== 'running');
  const isWell = leader !== undefined && away.length === 0;
  return [
    {
      id: `members.${role}`,
      title: `Members of ${BACKEND_TITLES[role]}`,
      status: isWell ? 'ok' : 'warning',
      detail: [
        `${leader ?? 'Nobody'} leads; ${members.length - away.length} of ${members.length} run.`,
        ...away.map(
          ({ name, state, detail }) => `${name} is ${state}${detail === undefined ? '' : `: ${detail}`}.`,
        ),
      ].join(' '),
      ...(isWell
        ? {}
        : { fix: 'Wait: FlashGrid starts members again. Look at the logs if that does not help.' }),
    },
  ];
}

function wholeFindings(backends: readonly BackendState[]): Finding[] {
  const sick = backends.filter((backend) => backend.state !== 'running');
  const common = { id: 'backends', title: 'Running cluster' };
  if (sick.length === 0)
    return [{ ...common, status: 'ok', detail: 'RabbitMQ, Redis and Postgres take what is written to them' }];
  return sick.map((backend) => ({
    id: `backends.${backend.role}`,
    title: `Running cluster: ${BACKEND_TITLES[backend.role]}`,
    status: 'missing',
    detail: backend.detail ?? backend.state,
    fix: fixOf(backend),
  }));
}

function fixOf({ state, detail }: BackendState): string {
  if (state === 'restarting') return 'Wait: FlashGrid starts it again.';
  if (detail?.includes(BAD_LOGIN))
    return 'Set the old password again, and the cluster goes on by itself; or save the new URL in the settings, and stop and start the cluster. What was accepted is kept.';
  return 'Remove the cause; the cluster goes on by itself. What was accepted is kept meanwhile.';
}

function backendFinding(
  { problems, searched }: BackendPrograms,
  role: BackendRole,
  title: string,
  found: { version: string; path: string; detail: string } | undefined,
): Finding {
  const common = { id: `backend.${role}`, title };
  if (found) return { ...common, status: 'ok', ...found };
  const detail = problems[role] ?? `Not found in ${[...new Set(searched[role])].join(', ')}`;
  return { ...common, status: 'missing', detail, fix: installHint([role]) };
}

function checkNode(): Finding {
  const isEnough = isNodeNewEnough(process.versions.node);
  return {
    id: 'node',
    title: 'Node.js',
    status: isEnough ? 'ok' : 'missing',
    version: process.versions.node,
    path: process.execPath,
    detail: `FlashGrid needs ${MIN_NODE_TEXT}`,
    ...(isEnough ? {} : { fix: `Install Node.js ${MIN_NODE_TEXT} from https://nodejs.org.` }),
  };
}

async function checkOpenFiles(): Promise<Finding> {
  const limit = await openFileLimit();
  const common = { id: 'openFiles', title: 'Open-file limit' };
  if (limit === undefined)
    return {
      ...common,
      status: 'warning',
      detail: 'The limit could not be read',
      fix: `Make sure that it is at least ${WANTED_OPEN_FILES}: ulimit -n`,
    };
  const shown = limit === Infinity ? 'unlimited' : String(limit);
  if (limit >= WANTED_OPEN_FILES)
    return { ...common, status: 'ok', detail: `${shown}: enough for 10,000 connections at once` };
  return {
    ...common,
    status: 'warning',
    detail: `${shown}: attacks of more than ${Math.max(0, limit - OTHER_FILES)} connections to one gateway may be refused`,
    fix: `Raise it before the start: ulimit -n ${WANTED_OPEN_FILES}`,
  };
}

/** Node raises its own limit to the hard one when it starts, so that one counts. */
async function openFileLimit(): Promise<number | undefined> {
  try {
    const { stdout } = await run('/bin/sh', ['-c', 'ulimit -H -n'], { timeout: ULIMIT_TIMEOUT_MS });
    const text = stdout.trim();
    if (text === 'unlimited') return Infinity;
    const limit = Number(text);
    return Number.isInteger(limit) && limit > 0 ? limit : undefined;
  } catch {
    // No shell: the finding says that the limit is unknown.
    return undefined;
  }
}

function checkCores(): Finding {
  const cores = availableParallelism();
  const isEnough = cores >= MIN_CORES;
  return {
    id: 'cores',
    title: 'Cores',
    status: isEnough ? 'ok' : 'warning',
    detail: `${cores} core${cores === 1 ? '' : 's'} for backends, services and load generator together`,
    ...(isEnough
      ? {}
      : { fix: 'Expect low figures: the load generator takes time from the engine it measures.' }),
  };
}

async function checkMemory(): Promise<Finding> {
  const bytes = Math.min(totalmem(), (await containerMemory()) ?? Infinity);
  const isEnough = bytes >= MIN_MEMORY_BYTES;
  return {
    id: 'memory',
    title: 'Memory',
    status: isEnough ? 'ok' : 'warning',
    detail: byteSize(bytes),
    ...(isEnough ? {} : { fix: 'Give the machine at least 2 GiB, or keep attacks below 10,000 requests.' }),
  };
}

/** A container's own limit; `undefined` where there is none. */
async function containerMemory(): Promise<number | undefined> {
  try {
    const bytes = Number((await readFile('/sys/fs/cgroup/memory.max', 'utf8')).trim());
    return Number.isFinite(bytes) ? bytes : undefined;
  } catch {
    // No cgroups of version 2 here: the machine's memory counts.
    return undefined;
  }
}

async function checkDataDir(dataDir: string): Promise<Finding> {
  const common = { id: 'dataDir', title: 'Data folder', path: dataDir };
  try {
    const existing = await existingFolder(dataDir);
    await access(existing, constants.W_OK | constants.X_OK);
    return {
      ...common,
      status: 'ok',
      detail: existing === dataDir ? 'Can be written' : `Will be created in ${existing}`,
    };
  } catch (error) {
    return {
      ...common,
      status: 'missing',
      detail: `Can't be written: ${errorText(error)}`,
      fix: 'Give yourself the right to write there, or choose another data folder.',
    };
  }
}

async function checkDisk(dataDir: string): Promise<Finding> {
  const common = { id: 'disk', title: 'Free disk space' };
  try {
    const { bavail, bsize } = await statfs(await existingFolder(dataDir));
    const free = bavail * bsize;
    const detail = `${byteSize(free)} free`;
    if (free >= MIN_FREE_BYTES) return { ...common, status: 'ok', detail };
    return { ...common, status: 'warning', detail, fix: 'Free some space: big attacks need up to 2 GiB.' };
  } catch (error) {
    const detail = `Could not be read: ${errorText(error)}`;
    return { ...common, status: 'warning', detail, fix: 'Make sure that 2 GiB are free.' };
  }
}

async function existingFolder(path: string): Promise<string> {
  for (let dir = path; ; dir = dirname(dir)) {
    try {
      await access(dir, constants.F_OK);
      return dir;
    } catch (error) {
      if (dirname(dir) === dir) throw error;
    }
  }
}
