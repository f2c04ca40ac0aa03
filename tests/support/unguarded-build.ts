/**
 * The app, or gateway and worker alone, without one of the engine's guards. A guard is taken out of the source text while the bundle is made, so that neither
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

const SERVICES = { gateway: 'services/gateway/main.ts', worker: 'services/worker/main.ts' } as const;
const APP = {
  ...SERVICES,
  cli: 'cli/main.ts',
  generator: 'control/attack/generator/main.ts',
  links: 'control/faults/links/main.ts',
  reroute: 'control/faults/links/reroute.ts',
  shop: 'services/baselines/shop.ts',
} as const;

export interface UnguardedBuild {
  readonly modules: { readonly gateway: string; readonly worker: string };
  /** Of an app. */
  readonly cli: string;
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

export interface UnguardedParts {
  readonly cuts: readonly Cut[];
  /** Applied as one more migration. */
  readonly sql?: readonly string[];
  /** The terminal and all that it starts, in place of gateway and worker alone. */
  readonly isApp?: boolean;
}

/** Bundles the sources with these cuts, in a folder like the app's. */
export async function buildUnguarded(
  id: string,
  { cuts, sql = [], isApp = false }: UnguardedParts,
): Promise<UnguardedBuild> {
  const dir = join(OUT, id);
  const main = join(dir, 'out/main');
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
      outDir: main,
      rolldownOptions: {
        input: Object.fromEntries(
          Object.entries(isApp ? APP : SERVICES).map(([name, path]) => [name, join(root, path)]),
        ),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  });
  for (const part of ['package.json', 'lua', 'prisma/migrations'])
    cpSync(join(root, part), join(dir, part), { recursive: true });
  if (sql.length > 0) {
    const last = join(dir, 'prisma/migrations/99990101000000_unguarded');
    mkdirSync(last);
    writeFileSync(join(last, 'migration.sql'), `${sql.join(';\n')};\n`);
  }
  for (const file of new Set(cuts.map((cut) => cut.file).filter((one) => one.startsWith('lua/'))))
    writeFileSync(join(dir, file), applyCuts(file, readFileSync(join(root, file), 'utf8'), cuts));
  return {
    modules: { gateway: join(main, 'gateway.js'), worker: join(main, 'worker.js') },
    cli: join(main, 'cli.js'),
    env: { FLASHGRID_RESOURCES: dir },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
