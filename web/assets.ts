/** The built renderer in memory, so that no path of a request reaches the file system. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { FailureError } from '../contract/failure.ts';

export interface Asset {
  readonly body: Buffer;
  readonly mediaType: string;
  readonly etag: string;
  /** The bundler put a digest in its name, so that it can be cached for ever. */
  readonly isHashed: boolean;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/**
 * Reads the folder; keys are URL paths.
 * @throws FailureError `web.notBuilt` when it has no index.html
 */
export async function loadAssets(dir: string): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  await collect(dir, '', assets);
  if (!assets.has('/index.html')) {
    throw new FailureError({
      code: 'web.notBuilt',
      message: `${dir} contains no built page.`,
      fix: 'Run `npm run build` first.',
    });
  }
  return assets;
}

/** Walks the folder by hand: in a packaged app's archive `readdir` lacks `recursive`. */
async function collect(dir: string, urlDir: string, assets: Map<string, Asset>): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(dir, entry.name);
    const urlPath = `${urlDir}/${entry.name}`;
    if (entry.isDirectory()) await collect(path, urlPath, assets);
    if (!entry.isFile()) continue;
    const body = await readFile(path);
    assets.set(urlPath, {
      body,
      mediaType: MEDIA_TYPES[extname(entry.name)] ?? 'application/octet-stream',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      isHashed: urlPath.startsWith('/assets/'),
    });
  }
}
