/** Serves the built renderer on app://flashgrid/ from memory, so that no path of a request reaches the file system. */
import type { Protocol } from 'electron';
import { loadAssets, type Asset } from '../web/assets.ts';
import { PAGE_HEADERS } from '../web/page-headers.ts';
import { APP_SCHEME, isAppUrl } from './origin.ts';

const HEADERS = { ...PAGE_HEADERS, 'cache-control': 'no-store' } as const;

/** Must run before the app is ready. */
export function registerAppScheme(protocol: Protocol): void {
  protocol.registerSchemesAsPrivileged([
    // Standard and secure give the page an origin and a secure context. It needs no other right.
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

/** The answer to one request: a file of the map, or an error status. */
export function respond(
  request: { readonly url: string; readonly method: string },
  assets: ReadonlyMap<string, Asset>,
): Response {
  if (!isAppUrl(request.url)) return reject(403);
  if (request.method !== 'GET' && request.method !== 'HEAD') return reject(405);
  const { pathname } = new URL(request.url);
  const asset = assets.get(pathname === '/' ? '/index.html' : pathname);
  if (!asset) return reject(404);
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(asset.body), {
    headers: { ...HEADERS, 'content-type': asset.mediaType },
  });
}

function reject(status: number): Response {
  return new Response(null, { status, headers: HEADERS });
}
