/** The only origin that the window shows. An own scheme, since file:// pages have too many rights and no origin. */
export const APP_SCHEME = 'app';
const APP_HOST = 'flashgrid';
export const APP_URL = `${APP_SCHEME}://${APP_HOST}/`;

/** Whether an address belongs to the app. */
export function isAppUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  // Node gives every custom scheme the origin "null", so scheme and host are compared.
  return url.protocol === `${APP_SCHEME}:` && url.host === APP_HOST;
}
