/** What the doctor says about container engines. */
import type { Finding } from '../../../contract/contract.ts';
import { findDockerEngine, type EngineSearch } from './find-daemon.ts';

/** One finding for the engine that would be used, with every other place that was tried. */
export async function dockerFindings(search: Promise<EngineSearch> = findDockerEngine()): Promise<Finding[]> {
  const result = await search;
  if (result.found) {
    const { kind, where, version } = result.found;
    const name = kind === 'podman' ? 'Podman' : 'Docker';
    return [
      {
        id: 'docker',
        title: 'Container engine',
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
  return [{ id: 'docker', title: 'Container engine', status, detail: message, fix }];
}
