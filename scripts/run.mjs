#!/usr/bin/env node
/**
 * What every npm script begins with that a newcomer may run first: everything a fresh machine lacks is set up here,
 * with nothing but Node itself, then the command runs. What is already in place is recognised by a stamp, so that a
 * second run starts at once.
 */
import process from 'node:process';
import { ensureBuild, ensureClient, ensureNode, ensurePackages } from './setup/project.mjs';
import { canTestElectron } from './setup/electron.mjs';
import { ensureBackends } from './setup/backends.mjs';
import { runShown as run } from './setup/tools.mjs';
import { runTests } from './setup/test-run.mjs';

// A reader that ended (`| head`) or a closed terminal: the command that runs below notices too, and stops in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const [command = 'demo', ...args] = process.argv.slice(2);

const cli = (...cliArgs) => run(process.execPath, ['out/main/cli.js', ...cliArgs]);
const isYes = args.includes('--yes');
/** What the tests of a real Electron need, where there is one. */
const window = canTestElectron ? ['electron'] : [];
const BACKENDS = ['redis', 'rabbitmq', 'postgres'];
/** What several members of each backend need beside them. */
const FAILOVER = ['patroni', 'etcd', 'haproxy'];
/** TypeScript as it is: nothing is built. */
const TSX = ['--import', 'tsx'];

/** Runs a project of vitest's, or those of a pattern; what follows on the command line goes to vitest. */
const vitest = (project) =>
  run(process.execPath, [
    'node_modules/vitest/vitest.mjs',
    ...(args.includes('--watch') ? [] : ['run']),
    '--project',
    project,
    ...args.filter((arg) => arg !== '--yes'),
  ]);

/** Every npm script that needs a set-up, in the order in which a newcomer meets them. */
const commands = {
  async demo() {
    const isHelp = args.includes('--help');
    const isHa = args.includes('--ha');
    await prepare({
      // HAProxy before the gateways is no part of a provider.
      backends: isHelp
        ? []
        : hasOwnProvider()
          ? isHa
            ? ['haproxy']
            : []
          : [...BACKENDS, ...(isHa ? FAILOVER : [])],
      // No Docker daemon can take their place.
      isRequired: isHa && !isHelp,
    });
    return await cli('demo', ...args);
  },
  async test() {
    await prepare({
      backends: [
        ...BACKENDS,
        ...FAILOVER,
        'pgbouncer',
        'podman',
        'prometheus',
        'spin',
        'chromium',
        'docker',
        ...window,
      ],
      isRequired: true,
    });
    return await runTests(args);
  },
  async dev() {
    const isReplay = args.includes('--replay');
    await prepare({
      backends: isReplay ? [] : BACKENDS,
      isRequired: false,
      make: isReplay ? () => undefined : ensureBuild,
    });
    return await run(process.execPath, [...TSX, 'scripts/dev.ts', ...args.filter((arg) => arg !== '--yes')]);
  },
  'test:unit': ring('unit', { backends: [], isRequired: false, make: ensureClient }),
  'test:integration': ring('integration*', {
    backends: [...BACKENDS, ...FAILOVER, 'pgbouncer', 'podman', 'prometheus', 'spin'],
    isRequired: true,
  }),
  'test:ui': ring('ui*', { backends: [...BACKENDS, 'chromium'], isRequired: true }),
  'test:docker': ring('docker', { backends: ['docker'], isRequired: true }),
  'test:electron': ring('electron', { backends: [...BACKENDS, ...window], isRequired: true }),
  async lint() {
    await prepare({ backends: [], isRequired: false, make: ensureClient });
    return await run(process.execPath, ['node_modules/oxlint/bin/oxlint', ...args]);
  },
  async typecheck() {
    await prepare({ backends: [], isRequired: false, make: ensureClient });
    let code = 0;
    // Only what changed since the last time: seconds instead of half a minute.
    for (const project of ['.', 'renderer'])
      code ||= await run(process.execPath, [
        'node_modules/typescript-7/bin/tsc',
        '-p',
        project,
        '--incremental',
        '--tsBuildInfoFile',
        `node_modules/.cache/tsc-${project === '.' ? 'root' : project}`,
      ]);
    return code;
  },
  async start() {
    // One click on the page starts the cluster: what it needs is offered before, as for the demo.
    await prepare({
      backends: args.includes('--help') ? [] : BACKENDS,
      isRequired: false,
    });
    return await run(process.execPath, ['scripts/start.mjs', ...args]);
  },
  async cli() {
    await prepare({ backends: [], isRequired: false });
    return await cli(...args);
  },
  bench: script('tests/bench/main.ts', ...(args.includes('replication') ? FAILOVER : [])),
  faults: script('tests/bench/faults.ts'),
  guards: script('tests/bench/guards.ts'),
  ha: script('tests/bench/ha.ts', ...FAILOVER),
  pictures: script('scripts/pictures.mjs', 'chromium'),
  'bench:ui': script('scripts/bench-ui/main.ts', 'chromium'),
  record: script('scripts/replay/record.ts'),
  async dist() {
    await prepare({ backends: [], isRequired: false });
    return await run(process.execPath, ['node_modules/electron-builder/cli.js', ...args]);
  },
};

/** Runs one ring of the tests. */
function ring(project, needs) {
  return async () => {
    await prepare(needs);
    return await vitest(project);
  };
}

/** Runs a script on the machine's own backends, and with what else it needs. */
function script(path, ...more) {
  return async () => {
    await prepare({ backends: [...BACKENDS, ...more], isRequired: true });
    return await run(process.execPath, [...TSX, path, ...args]);
  };
}

/** Docker and external backends need nothing of this machine. */
function hasOwnProvider() {
  const provider = args.find((arg, at) => arg.startsWith('--provider=') || args[at - 1] === '--provider');
  return provider !== undefined && /docker|external/.test(provider);
}

async function prepare({ backends, isRequired, make = ensureBuild }) {
  ensureNode();
  await ensurePackages();
  await ensureBackends(backends, { isYes, isRequired });
  await make();
}

const work = commands[command];
if (!work) {
  console.error(`There is no command "${command}". Known: ${Object.keys(commands).join(', ')}.`);
  process.exit(2);
}
try {
  process.exitCode = await work();
} catch (error) {
  console.error(`\n✗ ${error.message}`);
  process.exitCode = 6;
}
