import { describe, expect, it } from 'vitest';
import type { Asset } from '../web/assets.ts';
import { respond } from './app-protocol.ts';
import { isAllowedLink } from './external-links.ts';
import { isAppUrl } from './origin.ts';
import { unpackedPath } from './packaged-paths.ts';

describe('isAppUrl', () => {
  it.each(['app://flashgrid/', 'app://flashgrid/index.html#/runs', 'APP://flashgrid/assets/a.js'])(
    'takes %s',
    (url) => expect(isAppUrl(url)).toBe(true),
  );
  it.each([
    '',
    'app://flashgrid.evil/',
    'app://evil/flashgrid/',
    'app://user@evil/',
    'https://flashgrid/',
    'file:///flashgrid',
    'javascript:alert(1)',
    'data:text/html,app://flashgrid/',
    'blob:app://flashgrid/123',
    'app://flashgrid:99/',
  ])('refuses %j', (url) => expect(isAppUrl(url)).toBe(false));
});

describe('isAllowedLink', () => {
  it('takes the documentation that the app points to', () => {
    expect(isAllowedLink('https://www.rabbitmq.com/docs/quorum-queues')).toBe(true);
  });
  it.each([
    'http://www.rabbitmq.com/',
    'https://rabbitmq.com.evil.example/',
    'https://evil.example/?www.rabbitmq.com',
    'https://www.rabbitmq.com@evil.example/',
    'https://user:word@github.com/',
    'https://github.com:8443/',
    'file:///etc/passwd',
    'smb://share/x.exe',
    'ms-msdt:/id',
    'javascript:alert(1)',
    'not a url',
  ])('refuses %j', (url) => expect(isAllowedLink(url)).toBe(false));
});

describe('respond', () => {
  const asset: Asset = {
    body: Buffer.from('<p>hello'),
    mediaType: 'text/html; charset=utf-8',
    etag: '""',
    isHashed: false,
  };
  const assets = new Map([['/index.html', asset]]);
  const get = (url: string, method = 'GET') => respond({ url, method }, assets);

  it('serves the page under the root and its name, with a policy', async () => {
    for (const url of ['app://flashgrid/', 'app://flashgrid/index.html?x#y']) {
      const answer = get(url);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe('<p>hello');
      expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });
  it.each([
    ['app://flashgrid/../index.html/', 404],
    ['app://flashgrid/%69ndex.html', 404],
    ['app://flashgrid//etc/passwd', 404],
    ['app://elsewhere/index.html', 403],
  ])('answers %s with %d', (url, status) => expect(get(url).status).toBe(status));
  it('takes no other method', () => {
    expect(get('app://flashgrid/', 'POST').status).toBe(405);
  });
});

describe('unpackedPath', () => {
  it('leads out of the archive, on each system', () => {
    expect(unpackedPath('/opt/FlashGrid/resources/app.asar/out/main/worker.js')).toBe(
      '/opt/FlashGrid/resources/app.asar.unpacked/out/main/worker.js',
    );
    expect(unpackedPath('C:\\FlashGrid\\resources\\app.asar')).toBe(
      'C:\\FlashGrid\\resources\\app.asar.unpacked',
    );
  });
  it('leaves other paths as they are', () => {
    for (const path of ['/repo/out/main/worker.js', '/x/app.asar.unpacked/y', '/my.app.asar.d/out'])
      expect(unpackedPath(path)).toBe(path);
  });
});
