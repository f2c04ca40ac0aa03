/**
 * Gateway and worker without one of the engine's guards. A guard is taken out of the source text while the bundle is made, so that neither
 * the sources nor a bundle that ships hold a switch for it.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const root = join(import.meta.dirname, '../..');
/** Below node_modules, so that packages are found and nothing of it is shipped or committed. */
const OUT = join(root, 'node_modules/.flashgrid-unguarded');

export interface Cut {
  /** Path in the repository. */
  readonly file: string;
  /** Stands exactly once in it. */
  readonly find: string;
  readonly replace: string;
}

export interface UnguardedBuild {
  readonly modules: { readonly gateway: string; readonly worker: string };
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** @throws Error when a cut does not stand exactly once in its file */
export function applyCuts(file: string, text: string, cuts: readonly Cut[]): string {
  return cuts
    .filter((cut) => cut.file === file)
    .reduce((cutText, { find, replace }) => {
      const parts = cutText.split(find);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
      return parts.join(replace);
    }, text);
}

/** Bundles the services of the sources with these cuts. */
export async function buildUnguarded(id: string, cuts: readonly Cut[]): Promise<UnguardedBuild> {
  const dir = join(OUT, id);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    plugins: [
      {
        name: 'unguarded',
        enforce: 'pre',
        transform: (text, path) => applyCuts(path.slice(root.length + 1), text, cuts),
      },
    ],
    build: {
      ssr: true,
      target: 'node20.19',
      outDir: dir,
      rolldownOptions: {
        input: {
          gateway: join(root, 'services/gateway/main.ts'),
          worker: join(root, 'services/worker/main.ts'),
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  cpSync(join(root, 'lua'), join(dir, 'lua'), { recursive: true });
  for (const file of new Set(cuts.map((cut) => cut.file).filter((one) => one.startsWith('lua/'))))
    writeFileSync(join(dir, file), applyCuts(file, readFileSync(join(root, file), 'utf8'), cuts));
  return {
    modules: { gateway: join(dir, 'gateway.js'), worker: join(dir, 'worker.js') },
    env: { FLASHGRID_RESOURCES: dir },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
