/** What the doctor says about container runtimes. */
import type { Finding } from '../../../contract/state.ts';
import { findDockerDaemon, type DaemonSearch } from './find-daemon.ts';

/** One finding for the daemon that would be used, with every other place that was tried. */
export async function dockerFindings(search: Promise<DaemonSearch> = findDockerDaemon()): Promise<Finding[]> {
  const result = await search;
  if (result.found) {
    const { kind, where, version } = result.found;
    const name = kind === 'podman' ? 'Podman' : 'Docker';
    return [
      {
        id: 'docker',
        title: 'Container runtime',
        status: 'ok',
        version,
        path: where,
        detail: `${name} ${version} answers at ${where}.`,
      },
    ];
  }
  const { message, fix, code } = result.failure;
  // Without Docker the native cluster still works; a broken Docker is worth a look.
  const status = code === 'docker.notFound' ? 'missing' : 'warning';
  return [{ id: 'docker', title: 'Container runtime', status, detail: message, fix }];
}
