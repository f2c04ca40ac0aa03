/** Where files that are not JavaScript lie: in the repository, or beside the packaged app. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Names a folder that holds `lua/` and `prisma/migrations/`; set by the packaged app. */
export const RESOURCES_VARIABLE = 'FLASHGRID_RESOURCES';

/**
 * Folder `name` among the resources: below FLASHGRID_RESOURCES, or in the nearest folder above this module that has it.
 * @throws Error when there is none
 */
export function resourceDir(
  name: 'lua' | 'prisma/migrations' | 'docker' | 'out',
  env: NodeJS.ProcessEnv = process.env,
): string {
  const given = env[RESOURCES_VARIABLE];
  if (given) {
    const path = join(given, name);
    if (existsSync(path)) return path;
    throw new Error(`${RESOURCES_VARIABLE} is ${given}, but that folder has no ${name}`);
  }
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    // package.json beside it tells the project's root from any folder that happens to hold a `lua`.
    if (existsSync(join(dir, name)) && existsSync(join(dir, 'package.json'))) return join(dir, name);
    if (dirname(dir) === dir)
      throw new Error(`no folder ${name} above ${import.meta.dirname}; set ${RESOURCES_VARIABLE}`);
  }
}
