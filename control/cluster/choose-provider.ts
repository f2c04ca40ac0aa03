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
    return { provider: 'native', reason: 'Highly available clusters run on the machine’s own backends.' };
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

/** What a provider answers that can't have several members of each backend. */
export function notHighlyAvailable(provider: Provider): FailureError {
  return new FailureError({
    code: 'cluster.notHighlyAvailable',
    message:
      provider === 'external'
        ? 'FlashGrid can’t make backends highly available that others run.'
        : `The provider ${provider} has no highly available cluster.`,
    fix:
      provider === 'external'
        ? 'Give the URLs of a cluster in the settings and leave the option out, or choose the provider `native`.'
        : 'Choose the provider `native` or `auto`, or leave the option out.',
    field: 'highlyAvailable',
    step: 'provider',
  });
}
