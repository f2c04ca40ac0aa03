/** Chooses the provider for `auto`, and says why in one sentence that the frontends show. */
import { FailureError, type Failure } from '../../contract/failure.ts';
import type { Provider } from '../../contract/backends.ts';
import type { ProviderChoice } from '../../contract/settings.ts';
import { commandLine } from '../lib/command-line.ts';

export interface ProviderProbe {
  /** Where a Docker daemon answers, or why none does. */
  docker(): Promise<
    | { readonly isThere: true; readonly where: string; readonly version: string }
    | { readonly isThere: false; readonly why: string }
  >;
  /** Backends of the machine that are missing, by their package's name. */
  native(): Promise<{ readonly missing: readonly string[]; readonly failure?: Failure }>;
}

export interface ProviderDecision {
  readonly provider: Provider;
  readonly reason: string;
  /** Used when the first one can't fetch its images; only for `auto`. */
  readonly fallback?: Provider;
}

/**
 * Chooses a provider. `auto`: Docker when a daemon answers, otherwise the machine's own backends.
 * @throws FailureError `cluster.noProvider` when neither is there
 */
export async function chooseProvider(
  choice: ProviderChoice,
  probe: ProviderProbe,
  highlyAvailable = false,
): Promise<ProviderDecision> {
  if (choice === 'auto' && highlyAvailable)
    return {
      provider: 'native',
      reason: 'Highly available clusters run on the machine’s own backends unless Docker is chosen.',
    };
  if (choice !== 'auto') return { provider: choice, reason: 'As chosen.' };
  const [docker, native] = await Promise.all([probe.docker(), probe.native()]);
  const hasNative = native.missing.length === 0;
  if (docker.isThere) {
    const reason = `Docker ${docker.version} answers at ${docker.where}.`;
    return hasNative ? { provider: 'docker', reason, fallback: 'native' } : { provider: 'docker', reason };
  }
  if (hasNative) return { provider: 'native', reason: `This machine has all three backends. ${docker.why}` };
  throw new FailureError({
    code: 'cluster.noProvider',
    message: `Neither Docker nor all three backends are on this machine: ${docker.why}; missing on this machine: ${native.missing.join(', ')}.`,
    fix:
      native.failure?.fix ??
      `Start Docker, or install the backends; \`${commandLine('doctor')}\` lists what was looked for.`,
    step: 'provider',
  });
}

/** What is answered where there can't be several members of each backend. */
export function notHighlyAvailable(of: 'external' | 'podman' = 'external'): FailureError {
  return new FailureError({
    code: 'cluster.notHighlyAvailable',
    message:
      of === 'external'
        ? 'FlashGrid can’t make backends highly available that others run.'
        : 'A highly available cluster in containers needs Docker; Podman answers here.',
    fix:
      of === 'external'
        ? 'Give the URLs of a cluster in the settings and leave the option out, or choose the provider `native` or `docker`.'
        : 'Choose the provider `native` or `auto`, or leave the option out.',
    field: 'highlyAvailable',
    step: 'provider',
  });
}
