/** Paths of a packaged app's parts. */
import { dirname, join } from 'node:path';
import { builtParts, type BuiltModules } from '../control/app-paths.ts';

/**
 * The real path of a file in the archive, which is unpacked beside it. Only Electron reads `app.asar`; a child process
 * or the Docker daemon can't. A path outside an archive stays as it is.
 */
export function unpackedPath(path: string): string {
  return path.replace(/([\\/])app\.asar(?=[\\/]|$)/, '$1app.asar.unpacked');
}

/** The built parts that the desktop program needs, with real paths for those that another process opens. */
export function desktopParts(): {
  readonly modules: BuiltModules;
  readonly rendererDir: string;
  readonly preloadPath: string;
  /** Contains lua/, prisma/ and docker/. */
  readonly resourcesDir: string;
  readonly iconPath: string;
} {
  const { modules, rendererDir } = builtParts();
  const outDir = dirname(rendererDir);
  return {
    modules: {
      gateway: unpackedPath(modules.gateway),
      worker: unpackedPath(modules.worker),
      generator: unpackedPath(modules.generator),
      links: unpackedPath(modules.links),
      reroute: unpackedPath(modules.reroute),
      shop: unpackedPath(modules.shop),
    },
    rendererDir,
    preloadPath: join(outDir, 'preload/preload.cjs'),
    resourcesDir: unpackedPath(dirname(outDir)),
    iconPath: unpackedPath(join(dirname(outDir), 'build/icons/256x256.png')),
  };
}
