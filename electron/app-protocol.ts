/** Serves the built renderer on app://flashgrid/ from memory: no path of a request ever reaches the file system. */
import type { Protocol } from 'electron';
import { loadAssets, type Asset } from '../web/assets.ts';
import { PAGE_HEADERS } from '../web/page-headers.ts';
import { APP_SCHEME, isAppUrl } from './origin.ts';

const HEADERS = { ...PAGE_HEADERS, 'cache-control': 'no-store' } as const;

/** Must run before the app is ready. */
export function registerAppScheme(protocol: Protocol): void {
  protocol.registerSchemesAsPrivileged([
    // Standard and secure give it an origin and a secure context; none of the scheme's other rights is needed.
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/**
 * Answers the app's requests from the built renderer.
 * @throws FailureError `web.notBuilt` when the folder holds no page
 */
export async function serveApp(protocol: Protocol, rendererDir: string): Promise<void> {
  const assets = await loadAssets(rendererDir);
  protocol.handle(APP_SCHEME, (request) => respond(request, assets));
}

/** The answer to one request: a file of the map, or a refusal. */
export function respond(
  request: { readonly url: string; readonly method: string },
  assets: ReadonlyMap<string, Asset>,
): Response {
  if (!isAppUrl(request.url)) return refuse(403);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405);
  const { pathname } = new URL(request.url);
  const asset = assets.get(pathname === '/' ? '/index.html' : pathname);
  if (!asset) return refuse(404);
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(asset.body), {
    headers: { ...HEADERS, 'content-type': asset.mediaType },
  });
}

function refuse(status: number): Response {
  return new Response(null, { status, headers: HEADERS });
}
