/** The user's logins, as `docker login` keeps them: in the configuration file, or with a helper program. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { AuthConfigObject } from 'dockerode';
import { z } from 'zod';
import { parseJson } from '../../../services/shared/parse-json.ts';
import { readJson } from '../../lib/read-json.ts';
import type { Surroundings } from './places.ts';

const HELPER_LIMIT_MS = 5_000;
const HUB = 'https://index.docker.io/v1/';

const configSchema = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
const helperSchema = z.object({ Username: z.string(), Secret: z.string() });

/** Registry of an image's name, as logins name it. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  return !isHost || first === 'docker.io' ? HUB : first;
}

/** The login for an image; `undefined` without one: most images need none. */
export async function registryAuth(
  image: string,
  { env, home }: Surroundings,
): Promise<AuthConfigObject | undefined> {
  const config = readJson(join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'), configSchema);
  if (!config) return undefined;
  const registry = registryOf(image);
  const helper = config.credHelpers?.[registry] ?? config.credsStore;
  if (helper) {
    const login = await askHelper(helper, registry);
    if (login) return { username: login.Username, password: login.Secret, serveraddress: registry };
  }
  const kept = config.auths?.[registry] ?? config.auths?.[`https://${registry}`];
  if (kept?.identitytoken) return { identitytoken: kept.identitytoken, serveraddress: registry };
  const [username, ...password] = Buffer.from(kept?.auth ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (!username || password.length === 0) return undefined;
  return { username, password: password.join(':'), serveraddress: registry };
}

function askHelper(helper: string, registry: string): Promise<z.infer<typeof helperSchema> | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const child = execFile(
      `docker-credential-${helper}`,
      ['get'],
      { timeout: HELPER_LIMIT_MS },
      (error, stdout) => {
        // A helper that has no login for this registry ends with an error: the image is then pulled without a
        // login.
        resolve(error ? undefined : parseJson(stdout, helperSchema));
      },
    );
    // A helper that can't be started closes its input early; the callback above handles it.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(registry);
  });
}
