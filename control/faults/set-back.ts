/**
 * Redis comes back with less than it had: with its append-only file of a moment ago, or with none, as after a
 * power cut or on a disk that was restored.
 */
import { milliseconds, whole } from '../../contract/format.ts';
import { checkTarget, partsOf, watchReturn } from './parts.ts';
import type { Fault, FaultTools } from './fault.ts';
import { withRedis } from './redis-client.ts';
import { watchPaths } from './taken-paths.ts';

const SEEN = ['saleUnknown', 'saleRebuilt', 'epochStale', 'unitTaken', 'ticketsPresent'] as const;

/** The append-only file, or the folder with its parts (Redis 7), as a shell reads it. */
async function appendOnlyFile(tools: FaultTools): Promise<{ dir: string; name: string; keys: number }> {
  return await withRedis(tools, async (redis) => {
    const settings: Record<string, string> = {};
    for (const name of ['dir', 'appendonly', 'appenddirname', 'appendfilename']) {
      const [, value] = await redis.config('GET', name);
      if (value !== undefined) settings[name] = value;
    }
    if (settings['appendonly'] !== 'yes') throw new Error('Redis keeps no append-only file');
    const name = settings['appenddirname'] ?? settings['appendfilename'] ?? 'appendonly.aof';
    return { dir: settings['dir'] ?? '', name, keys: await redis.dbsize() };
  });
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Puts `older` (nothing by default) in the place of the file, and ends Redis before it writes a new one. */
async function comeBackWith(target: string, tools: FaultTools, older?: string) {
  const { dir, name, keys } = await appendOnlyFile(tools);
  const parts = partsOf(target, tools);
  const back = watchReturn(parts);
  const restore = older === undefined ? '' : ` && mv ${quoted(older)} ${quoted(name)}`;
  await tools.cluster.run('redis', `cd ${quoted(dir)} && rm -rf ${quoted(name)}${restore}`);
  await Promise.all(parts.map((part) => part.kill()));
  return async () => {
    const { hadEffect, text } = await back();
    const left = await withRedis(tools, (redis) => redis.dbsize()).catch(() => undefined);
    return { hadEffect, keys, left, text };
  };
}

const keysText = (keys: number, left: number | undefined) =>
  left === undefined ? `It had ${whole(keys)} keys.` : `It had ${whole(keys)} keys, and ${whole(left)} now.`;

export const lose: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const paths = watchPaths(tools, SEEN);
    const lost = await comeBackWith(target, tools);
    return {
      targets: [target],
      async effect() {
        const { hadEffect, keys, left, text } = await lost();
        return { hadEffect, text: `Redis lost its file. ${text} ${keysText(keys, left)}${paths()}` };
      },
    };
  },
};

export const setBack: Fault = {
  check: checkTarget,
  async inject(target, tools) {
    const paths = watchPaths(tools, SEEN);
    const { dir, name } = await appendOnlyFile(tools);
    const older = `${name}.older`;
    const copiedMs = performance.now();
    await tools.cluster.run(
      'redis',
      `cd ${quoted(dir)} && rm -rf ${quoted(older)} && cp -a ${quoted(name)} ${quoted(older)}`,
    );
    let ageMs = 0;
    let lost: Awaited<ReturnType<typeof comeBackWith>> | undefined;
    return {
      targets: [target],
      async heal() {
        lost = await comeBackWith(target, tools, older);
        ageMs = performance.now() - copiedMs;
      },
      async effect() {
        if (!lost) return { hadEffect: false, text: 'Redis was not set back.' };
        const { hadEffect, keys, left, text } = await lost();
        return {
          hadEffect,
          text: `Redis came back with its file of ${milliseconds(ageMs)} before. ${text} ${keysText(keys, left)}${paths()}`,
        };
      },
    };
  },
};
