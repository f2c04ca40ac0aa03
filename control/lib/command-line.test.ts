import { expect, it } from 'vitest';
import { commandLine } from './command-line.ts';

const around = {
  execPath: '/usr/bin/node',
  env: {},
  cwd: '/src/flashgrid',
  isElectron: false,
  packagedIn: undefined,
};

it.each([
  ['as a program on the PATH', { script: '/usr/local/bin/flashgrid' }, 'flashgrid up'],
  [
    'by npx',
    { script: '/x/node_modules/.bin/flashgrid', env: { npm_command: 'exec', npm_lifecycle_event: 'npx' } },
    'npx flashgrid up',
  ],
  [
    'by npm run',
    { script: '/src/flashgrid/out/main/cli.js', env: { npm_lifecycle_event: 'demo' } },
    'npm run flashgrid -- up',
  ],
  ['by node', { script: '/src/flashgrid/out/main/cli.js' }, 'npm run flashgrid -- up'],
  [
    'by node from another folder',
    { script: '/src/flash grid/out/main/cli.js', cwd: '/home/me' },
    'npm --prefix "/src/flash grid" run flashgrid -- up',
  ],
  [
    'as the window from the source',
    { script: '/src/flashgrid', isElectron: true },
    'npm run flashgrid -- up',
  ],
  [
    'as a packaged app',
    {
      script: undefined,
      isElectron: true,
      execPath: '/opt/FlashGrid/flashgrid',
      packagedIn: '/opt/FlashGrid/resources',
    },
    'ELECTRON_RUN_AS_NODE=1 /opt/FlashGrid/flashgrid /opt/FlashGrid/resources/app.asar.unpacked/out/main/cli.js up',
  ],
])('a hint names what can be typed where FlashGrid was started %s', (_how, given, line) => {
  expect(commandLine('up', { ...around, ...given })).toBe(line);
});
