/** Finds RabbitMQ, Redis and Postgres, and what else the tests need, or installs them with the package manager. */
import { constants, readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { findProgram, runQuietly, say, succeeds } from './tools.mjs';

/** What each part is found by, and Debian's package that holds it. */
const PARTS = {
  redis: { title: 'Redis', programs: [['redis-server']], packages: ['redis-server'] },
  rabbitmq: {
    title: 'RabbitMQ',
    programs: [
      [
        'rabbitmq-server',
        [
          '/usr/lib/rabbitmq/bin',
          '/usr/lib/rabbitmq/lib/*/sbin',
          '/usr/sbin',
          '/opt/homebrew/sbin',
          '/usr/local/sbin',
        ],
      ],
    ],
    packages: ['rabbitmq-server'],
  },
  postgres: {
    title: 'Postgres',
    programs: [
      [
        'postgres',
        [
          '/usr/lib/postgresql/*/bin',
          '/opt/homebrew/opt/postgresql@18/bin',
          '/opt/homebrew/opt/postgresql@17/bin',
          '/opt/homebrew/opt/postgresql@16/bin',
          '/usr/local/pgsql/bin',
        ],
      ],
    ],
    packages: ['postgresql'],
  },
  pgbouncer: { title: 'PgBouncer', programs: [['pgbouncer', ['/usr/sbin']]], packages: ['pgbouncer'] },
  patroni: { title: 'Patroni', programs: [['patroni']], packages: ['patroni'] },
  etcd: { title: 'etcd', programs: [['etcd']], packages: ['etcd-server'] },
  haproxy: { title: 'HAProxy', programs: [['haproxy', ['/usr/sbin']]], packages: ['haproxy'] },
  // It reads metrics and runs the queries of dashboard and alerts. Elsewhere than on Debian its test is skipped.
  prometheus: {
    title: 'Prometheus',
    programs: [['prometheus'], ['promtool']],
    packages: ['prometheus'],
    isOptional: true,
  },
  chromium: { title: 'Chromium', programs: [['chromium']], packages: ['chromium'] },
  // A display for the tests' Electron, hands for it, and the libraries that it needs.
  electron: {
    title: 'a display and libraries for the tests of the window',
    programs: [
      ['Xvfb'],
      ['openbox'],
      ['xdotool'],
      ['unzip'],
      ...['libgtk-3.so.0', 'libnss3.so', 'libasound.so.2', 'libgbm.so.1'].map((name) => [
        name,
        ['/usr/lib/x86_64-linux-gnu', '/usr/lib64'],
        constants.R_OK,
      ]),
    ],
    packages: ['xvfb', 'openbox', 'xdotool', 'unzip', 'libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1'],
  },
  // For the model of the protocol (docs/model). Elsewhere than on Debian its test is skipped.
  spin: {
    title: 'spin and a C compiler',
    programs: [['spin'], ['gcc'], ['limits.h', ['/usr/include'], constants.R_OK]],
    packages: ['spin', 'gcc', 'libc6-dev'],
    isOptional: true,
  },
  // For the rendered chart. Elsewhere than on Debian its test is skipped.
  podman: {
    title: 'Podman',
    programs: [['podman'], ['runc', ['/usr/sbin']]],
    packages: ['podman', 'runc', 'containernetworking-plugins'],
    isOptional: true,
  },
  docker: {
    title: 'Docker daemon',
    programs: [['dockerd', ['/usr/sbin', '/usr/bin']], ['debootstrap', ['/usr/sbin']], ['docker-registry']],
    packages: ['docker.io', 'debootstrap', 'docker-registry', 'iptables'],
  },
};

/**
 * Makes sure that the parts are installed. On Debian and Ubuntu, with the rights for it, installs missing ones: asks
 * first on a terminal, but not with `--yes` or in CI. Elsewhere prints the commands.
 * @throws Error when a part is missing and `isRequired`
 */
export async function ensureBackends(names, { isYes, isRequired }) {
  const missing = names
    .map((name) => PARTS[name])
    .filter((part) => !part.isOptional || isDebian())
    .filter((part) => !part.programs.every((program) => findProgram(...program)));
  if (missing.length === 0) return;
  // The demo can do without them where a Docker daemon answers.
  if (!isRequired && succeeds('docker', ['version', '--format', '{{.Server.Version}}'])) return;
  const packages = missing.flatMap((part) => part.packages);
  const titles = missing.map((part) => part.title).join(', ');
  if (!isDebian()) return refuse(titles, isRequired, commandsFor(packages));
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const aptCommand = `${sudo.length ? 'sudo ' : ''}apt-get update && ${sudo.length ? 'sudo ' : ''}apt-get install -y ${packages.join(' ')}`;
  if (sudo.length > 0 && !succeeds('sudo', ['-n', 'true'])) return refuse(titles, isRequired, [aptCommand]);
  const hasTerminal = process.stdin.isTTY && process.stdout.isTTY;
  if (
    hasTerminal &&
    !isYes &&
    !process.env.CI &&
    !(await ask(`${titles} missing. Install with "${aptCommand}"? [Y/n] `))
  ) {
    return refuse(titles, isRequired, [aptCommand]);
  }
  const startedMs = Date.now();
  say(`• Installing ${titles} (once) …`);
  const apt = (...args) =>
    runQuietly(sudo[0] ?? 'apt-get', [...(sudo.length ? ['-n', 'apt-get'] : []), ...args], {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', ...packages);
  say(`  done in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
}

function refuse(titles, isRequired, commands) {
  const text = `${titles} missing on this machine. Install with:\n${commands.map((command) => `    ${command}`).join('\n')}\nor start Docker, then run the same command again.`;
  if (isRequired) throw new Error(text);
  say(`! ${text}`);
}

function isDebian() {
  try {
    return (
      /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8')) &&
      findProgram('apt-get') !== undefined
    );
  } catch {
    return false;
  }
}

function commandsFor(packages) {
  if (process.platform === 'darwin') return ['brew install redis rabbitmq postgresql@17'];
  if (findProgram('dnf')) return ['sudo dnf install redis rabbitmq-server postgresql-server'];
  if (findProgram('pacman')) return ['sudo pacman -S redis rabbitmq postgresql'];
  return [`install these with your package manager: ${packages.join(', ')}`];
}

async function ask(question) {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return !/^n/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
