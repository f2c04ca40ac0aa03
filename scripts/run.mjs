#!/usr/bin/env node
/**
 * What `npm run demo`, `npm test` and `npm start` begin with: everything a fresh machine lacks is set up here, with nothing but Node itself, then the
 * command runs. What is already in place is recognised by a stamp, so that a second run starts at once.
 */
import process from 'node:process';
import { ensureBuild, ensureNode, ensurePackages } from './setup/project.mjs';
import { canTestElectron } from './setup/electron.mjs';
import { ensureEngines } from './setup/backends.mjs';
import { runShown as run } from './setup/tools.mjs';
import { runTests } from './setup/test-run.mjs';

// A reader that ended (`| head`) or a closed terminal: the command that runs below notices too, and stops in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const [command = 'demo', ...args] = process.argv.slice(2);

const cli = (...cliArgs) => run(process.execPath, ['out/main/cli.js', ...cliArgs]);
const isYes = args.includes('--yes');
/** What the tests of a real Electron need, where there is one. */
const window = canTestElectron ? ['electron'] : [];

/** Every npm script that needs a set-up, in the order in which a newcomer meets them. */
const commands = {
  async demo() {
    const isHelp = args.includes('--help');
    await prepare({
      engines: isHelp || hasOwnProvider() ? [] : ['redis', 'rabbitmq', 'postgres'],
      isRequired: false,
    });
    return await cli('demo', ...args);
  },
  async test() {
    await prepare({
      engines: ['redis', 'rabbitmq', 'postgres', 'pgbouncer', 'chromium', 'docker', ...window],
      isRequired: true,
    });
    return await runTests(args);
  },
  async 'test:electron'() {
    await prepare({ engines: ['redis', 'rabbitmq', 'postgres', ...window], isRequired: true });
    return await run(process.execPath, [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      'electron',
      ...args,
    ]);
  },
  async start() {
    // One click on the page starts the cluster: what it needs is offered before, as for the demo.
    await prepare({
      engines: args.includes('--help') ? [] : ['redis', 'rabbitmq', 'postgres'],
      isRequired: false,
    });
    return await run(process.execPath, ['scripts/start.mjs', ...args]);
  },
  async cli() {
    await prepare({ engines: [], isRequired: false });
    return await cli(...args);
  },
  async bench() {
    await prepare({ engines: ['redis', 'rabbitmq', 'postgres'], isRequired: true });
    return await run(process.execPath, ['--import', 'tsx', 'tests/bench/main.ts', ...args]);
  },
  async faults() {
    await prepare({ engines: ['redis', 'rabbitmq', 'postgres'], isRequired: true });
    return await run(process.execPath, ['--import', 'tsx', 'tests/bench/faults.ts', ...args]);
  },
  async pictures() {
    await prepare({ engines: ['redis', 'rabbitmq', 'postgres', 'chromium'], isRequired: true });
    return await run(process.execPath, ['scripts/pictures.mjs', ...args]);
  },
  async figures() {
    await prepare({ engines: ['redis', 'rabbitmq', 'postgres', 'chromium'], isRequired: true });
    return await run(process.execPath, ['--import', 'tsx', 'scripts/figures/main.ts', ...args]);
  },
  async dist() {
    await prepare({ engines: [], isRequired: false });
    return await run(process.execPath, ['node_modules/electron-builder/cli.js', ...args]);
  },
};

/** Docker and external engines need nothing of this machine. */
function hasOwnProvider() {
  const provider = args.find((arg, at) => arg.startsWith('--provider=') || args[at - 1] === '--provider');
  return provider !== undefined && /docker|external/.test(provider);
}

async function prepare({ engines, isRequired }) {
  ensureNode();
  await ensurePackages();
  await ensureEngines(engines, { isYes, isRequired });
  await ensureBuild();
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
