/** Which links the window may open in the user's browser. */

/** Hosts of the documentation that FlashGrid's texts link to. */
const HOSTS: ReadonlySet<string> = new Set([
  'docs.docker.com',
  'github.com',
  'nodejs.org',
  'podman.io',
  'redis.io',
  'www.postgresql.org',
  'www.rabbitmq.com',
]);

/** Whether a link may be opened: https, on a known host, without credentials. */
export function isAllowedLink(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.protocol === 'https:' &&
    url.port === '' &&
    url.username === '' &&
    url.password === '' &&
    HOSTS.has(url.hostname)
  );
}
