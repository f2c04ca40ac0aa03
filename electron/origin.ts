/** The one origin that the window shows. A scheme of our own: file:// pages have more rights than they need, and no real origin. */
export const APP_SCHEME = 'app';
const APP_HOST = 'flashgrid';
export const APP_URL = `${APP_SCHEME}://${APP_HOST}/`;

/** Whether an address belongs to the app. */
export function isAppUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  // Node gives every scheme of one's own the origin "null", so scheme and host are compared.
  return url.protocol === `${APP_SCHEME}:` && url.host === APP_HOST;
}
