/**
 * Masks the passwords of external URLs for pages and terminals, and puts the stored passwords back. A masked
 * URL gets its stored password only if nothing but its path has changed: otherwise a page could have the
 * password sent to any host.
 */
import { MASK, maskUrl } from '../../services/shared/redact.ts';
import { EXTERNAL_URLS, urlsIn, type ExternalUrl } from '../../contract/external-urls.ts';
import { FailureError } from '../../contract/failure.ts';
import type { Settings } from '../../contract/settings.ts';

/** The settings without passwords. */
export function maskSettings(settings: Settings): Settings {
  const external = { ...settings.external };
  for (const target of EXTERNAL_URLS)
    external[target.field] = urlsIn(target, external[target.field]).map(maskUrl).join(',');
  return { ...settings, external };
}

/**
 * Settings that came from outside, with the stored passwords in place of their masks.
 * @throws FailureError `settings.maskedPassword` naming the field whose password is not known for that URL
 */
export function unmaskSettings(settings: Settings, stored: Settings): Settings {
  const external = { ...settings.external };
  for (const target of EXTERNAL_URLS) {
    const known = urlsIn(target, stored.external[target.field]);
    external[target.field] = urlsIn(target, external[target.field])
      .map((url) => unmask(url, known, target))
      .join(',');
  }
  return { ...settings, external };
}

function unmask(url: string, known: readonly string[], { field, title }: ExternalUrl): string {
  const same = known.find((one) => maskUrl(one) === url);
  if (same !== undefined) return same;
  if (url === '' || !hasMask(url)) return url;
  // A URL of several hosts can't be taken apart: each change of it needs its passwords again.
  const [place, path] = URL.canParse(url) ? split(url) : [];
  const alike = known.find(
    (one) => URL.canParse(one) && split(maskUrl(one))[0] === place && hostOf(one) === hostOf(url),
  );
  if (alike !== undefined) {
    const kept = new URL(alike);
    kept.pathname = path ?? '';
    return kept.href;
  }
  throw new FailureError({
    code: 'settings.maskedPassword',
    message: `external.${field}: ${MASK} stands for a stored password, and none is stored for this URL of ${title}.`,
    fix: 'Type the password again. A stored one is only used while scheme, user, host, port and options stay the same.',
    field: `external.${field}`,
  });
}

/** A password, or a secret option, that is exactly the mask. */
function hasMask(url: string): boolean {
  if (!URL.canParse(url))
    return url.includes(`:${MASK}@`) || url.split(/[?&]/).some((part) => part.endsWith(`=${MASK}`));
  const { password, searchParams } = new URL(url);
  return password === MASK || [...searchParams.values()].includes(MASK);
}

/** A URL without its path, and the path: another database of the same server may use the same password. */
function split(url: string): [place: string, path: string] {
  const rest = new URL(url);
  const { pathname } = rest;
  rest.pathname = '';
  return [rest.href, pathname];
}

/** The host that a client connects to, even when the password contains "@" or "/". */
function hostOf(url: string): string {
  return new URL(url).host;
}
