/** Blocks what no page may do: navigate away, open windows, embed, download, use the network, get permissions. */
import type { App, Session, Shell, WebContents } from 'electron';
import { isAllowedLink } from './external-links.ts';
import { isAppUrl } from './origin.ts';
import { errorText } from '../services/shared/error-text.ts';

export interface GuardOptions {
  readonly shell: Pick<Shell, 'openExternal'>;
  /** Called for each block, for the log. */
  onRefused(what: string): void;
}

interface Preventable {
  preventDefault(): void;
}

/** Guards every page that the app creates, not only the first window's. */
export function guardWebContents(app: App, options: GuardOptions): void {
  app.on('web-contents-created', (_event, contents) => guardContents(contents, options));
}

function guardContents(contents: WebContents, { shell, onRefused }: GuardOptions): void {
  const openOutside = (url: string): void => {
    if (!isAllowedLink(url)) return;
    // A desktop without a browser can't open it; the page can't help that.
    shell.openExternal(url).catch((error: unknown) => onRefused(`opening ${url}: ${errorText(error)}`));
  };
  const stayHere = (event: Preventable, url: string, what: string): void => {
    if (isAppUrl(url)) return;
    event.preventDefault();
    onRefused(`${what} to ${url.slice(0, 200)}`);
  };
  contents.on('will-navigate', (event) => {
    stayHere(event, event.url, 'navigation');
    openOutside(event.url);
  });
  contents.on('will-redirect', (event) => stayHere(event, event.url, 'redirection'));
  contents.on('will-frame-navigate', (event) => {
    // The listener above handles the main frame; the page shows no other frame.
    if (event.isMainFrame) return;
    event.preventDefault();
    onRefused(`a frame's navigation to ${event.url.slice(0, 200)}`);
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    onRefused('a webview');
  });
  contents.setWindowOpenHandler(({ url }) => {
    if (!isAllowedLink(url)) onRefused(`a new window for ${url.slice(0, 200)}`);
    openOutside(url);
    return { action: 'deny' };
  });
}

/** Denies all permissions, devices and downloads, and all requests that are not for the app itself. */
export function guardSession(
  session: Session,
  { canUseDevTools, onRefused }: { readonly canUseDevTools: boolean; onRefused(what: string): void },
): void {
  session.setPermissionRequestHandler((_contents, permission, decide) => {
    onRefused(`the permission ${permission}`);
    decide(false);
  });
  session.setPermissionCheckHandler(() => false);
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, decide) => decide(null));
  session.on('will-download', (event, item) => {
    event.preventDefault();
    onRefused(`a download of ${item.getURL().slice(0, 200)}`);
  });
  // The page needs no network. This holds even if the page's Content-Security-Policy fails.
  session.webRequest.onBeforeRequest(({ url }, decide) => {
    const isAllowed =
      isAppUrl(url) || url.startsWith('data:') || (canUseDevTools && url.startsWith('devtools:'));
    if (!isAllowed) onRefused(`a request to ${url.slice(0, 200)}`);
    decide({ cancel: !isAllowed });
  });
}
