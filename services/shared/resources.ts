/** Finds files that are not JavaScript: in the repository, or beside the packaged app. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Environment variable for a folder that holds `lua/` and `prisma/migrations/`. The packaged app sets it. */
export const RESOURCES_VARIABLE = 'FLASHGRID_RESOURCES';

/**
 * Folder `name` among the resources: below FLASHGRID_RESOURCES, or in the nearest folder above this module
 * that has it.
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
    // Only the project's root has a package.json beside it; any folder may hold a `lua`.
    if (existsSync(join(dir, name)) && existsSync(join(dir, 'package.json'))) return join(dir, name);
    if (dirname(dir) === dir)
      throw new Error(`no folder ${name} above ${import.meta.dirname}; set ${RESOURCES_VARIABLE}`);
  }
}
