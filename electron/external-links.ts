/** Which addresses may leave the window for the person's own browser. */

/** Hosts of the documentation that FlashGrid's own texts point to. */
const HOSTS: ReadonlySet<string> = new Set([
  'docs.docker.com',
  'github.com',
  'nodejs.org',
  'podman.io',
  'redis.io',
  'www.postgresql.org',
  'www.rabbitmq.com',
]);

/** Whether a link may be handed to the system: https, on a known host, without a name or password in it. */
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
