/** What a page of the built app may and may not do, in a real Chromium with the built preload. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isCommandName } from '../../electron/control/contract.ts';
import { temporaryDataDir } from '../support/terminal.ts';
import { Desktop } from './desktop.ts';

let desktop: Desktop;
let remove: () => Promise<void>;

beforeAll(async () => {
  const made = await temporaryDataDir();
  remove = made.remove;
  desktop = await Desktop.start({ dataDir: made.path });
});
afterAll(async () => {
  await desktop.end();
  await remove();
});

const windowOptions = async () =>
  z
    .array(z.object({ webPreferences: z.record(z.string(), z.unknown()) }))
    .length(1)
    .parse(await desktop.recorded('window'))[0]?.webPreferences;

describe('the window', () => {
  it('is isolated, sandboxed and without Node, written out and not left to defaults', async () => {
    expect(await windowOptions()).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
      navigateOnDragDrop: false,
    });
    expect(await windowOptions()).not.toHaveProperty('enableBlinkFeatures');
    expect(await desktop.ask('isSandboxed')).toBe(true);
  });
  it('shows an origin of its own scheme, with no more rights than a web page', async () => {
    expect(await desktop.ask('url')).toMatch(/^app:\/\/flashgrid\//);
    expect(await desktop.recorded('privilegedSchemes')).toEqual([
      [{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }],
    ]);
  });
  it('draws its page without one error or refused resource', async () => {
    expect(await desktop.recorded('consoleError')).toEqual([]);
    expect(await desktop.recorded('pageError')).toEqual([]);
  });
});

describe('the preload', () => {
  it('gives the page three functions and nothing else', async () => {
    expect(await desktop.evaluate('Object.keys(window.flashgrid).sort()')).toEqual([
      'call',
      'on',
      'saveFile',
    ]);
    expect(
      await desktop.evaluate(
        '["require", "process", "module", "Buffer", "ipcRenderer"].filter((name) => name in window)',
      ),
    ).toEqual([]);
  });
  it('lets through the names of the contract alone', async () => {
    const attempt = (name: string) =>
      desktop.evaluate(
        `window.flashgrid.call(${JSON.stringify(name)}, {}).then(() => 'answered', (error) => error.message)`,
      );
    for (const name of ['app.explode', '__proto__', 'constructor', 'toString', '']) {
      expect(isCommandName(name)).toBe(false);
      expect(await attempt(name)).toContain('not part of the contract');
    }
    expect(
      await desktop.evaluate(
        `(() => { try { window.flashgrid.on('any.event', () => {}); } catch (error) { return error.message } })()`,
      ),
    ).toContain('not part of the contract');
  });
});

describe('the policy of the page', () => {
  it('comes as a header with every answer', async () => {
    const policy = z
      .string()
      .parse(
        await desktop.evaluate('fetch("/").then((answer) => answer.headers.get("content-security-policy"))'),
      );
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe-eval');
    expect(policy).toContain("frame-src 'none'");
  });
  it('runs no script that the page was made to write', async () => {
    expect(
      await desktop.evaluate(`new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), { once: true });
        const script = document.createElement('script');
        script.textContent = 'window.injected = true';
        document.body.append(script);
        setTimeout(() => resolve('nothing was refused'), 3000);
      }).then((directive) => [directive, 'injected' in window])`),
    ).toEqual(['script-src-elem', false]);
    expect(
      await desktop.evaluate(`fetch('https://outside.invalid/').then(() => 'reached', () => 'refused')`),
    ).toBe('refused');
  });
  it('serves the files of the build, and no path beside them', async () => {
    const status = (path: string) =>
      desktop.evaluate(`fetch(${JSON.stringify(path)}).then((answer) => answer.status)`);
    expect(await status('/index.html')).toBe(200);
    expect(await status('/../../package.json')).toBe(404);
    expect(await status('/%2e%2e/%2e%2e/package.json')).toBe(404);
    expect(await status('/assets')).toBe(404);
  });
});

describe('messages', () => {
  it('from a frame within the page are refused', async () => {
    await desktop.evaluate(`new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.onload = resolve;
      document.body.append(frame);
    })`);
    const answer = await desktop.ask(
      'evaluateInFrame',
      `window.standInIpc('invoke', 'flashgrid:call', ['cluster.start', {}])`,
    );
    expect(answer).toMatchObject({ ok: false, error: { code: 'ipc.refusedSender' } });
    expect(
      await desktop.ask(
        'evaluateInFrame',
        `window.standInIpc('invoke', 'flashgrid:saveFile', [{ fileName: 'a', mediaType: 'b', text: 'c' }])`,
      ),
    ).toBe(false);
    expect(desktop.output).toContain('refused a message on flashgrid:call from');
    expect(await desktop.evaluate(`'flashgrid' in document.querySelector('iframe').contentWindow`)).toBe(
      false,
    );
    await desktop.evaluate(`document.querySelector('iframe').remove()`);
  });
  it('that are none get a clear refusal', async () => {
    const invoke = (args: string) =>
      desktop.evaluate(`window.standInIpc('invoke', 'flashgrid:call', ${args})`);
    expect(await invoke('[42, {}]')).toMatchObject({ ok: false, error: { code: 'ipc.badMessage' } });
    expect(await invoke('["app.getSnapshot"]')).toMatchObject({
      ok: false,
      error: { code: 'ipc.badMessage' },
    });
    expect(await invoke('["logs.listLines", { text: "x".repeat(300000) }]')).toMatchObject({
      ok: false,
      error: { code: 'ipc.badMessage' },
    });
    expect(await invoke('["no.such", {}]')).toMatchObject({
      ok: false,
      error: { code: 'contract.unknownCommand' },
    });
    expect(await invoke('["services.scale", { role: "gateway", count: 99 }]')).toMatchObject({
      ok: false,
      error: { code: 'contract.badInput', field: 'count' },
    });
  });
});

describe('leaving', () => {
  it('is refused to the page, wherever it is sent', async () => {
    await desktop.evaluate(`void (location.href = 'https://outside.invalid/')`);
    await desktop.until('the refusal', async () =>
      desktop.output.includes('refused navigation to https://outside.invalid/'),
    );
    expect(await desktop.ask('url')).toMatch(/^app:\/\/flashgrid\//);
    expect(await desktop.recorded('reachedOutside')).toEqual([]);
    expect(await desktop.recorded('openExternal')).toEqual([]);
  });
  it('into a frame is refused too', async () => {
    await desktop.evaluate(`(() => {
      const frame = document.createElement('iframe');
      frame.src = 'https://framed.invalid/';
      document.body.append(frame);
    })()`);
    expect(await desktop.recorded('reachedOutside')).toEqual([]);
    await desktop.evaluate(`document.querySelector('iframe').remove()`);
  });
  it('by a new window opens none; a known site opens in the browser of the person instead', async () => {
    await desktop.evaluate(`void window.open('https://evil.invalid/', '_blank', 'noopener')`);
    await desktop.evaluate(`void window.open('https://www.rabbitmq.com/docs', '_blank', 'noopener')`);
    await desktop.until('both are decided', async () => (await desktop.recorded('windowOpen')).length >= 2);
    expect(await desktop.recorded('windowOpen')).toEqual([
      { url: 'https://evil.invalid/', action: 'deny' },
      { url: 'https://www.rabbitmq.com/docs', action: 'deny' },
    ]);
    expect(await desktop.recorded('openExternal')).toEqual(['https://www.rabbitmq.com/docs']);
    await desktop.until('their windows are gone', async () => (await desktop.ask('pages')) === 1);
  });
  it('gives a page that got through all the same no word with the control centre', async () => {
    await desktop.ask('leaveUnguarded', '<h1>Somewhere else</h1>');
    expect(await desktop.evaluate('document.querySelector("h1").textContent')).toBe('Somewhere else');
    // The preload is there, as it would be; whom it talks to is what counts.
    expect(await desktop.call('app.getSnapshot', {})).toMatchObject({
      ok: false,
      error: { code: 'ipc.refusedSender' },
    });
    expect(
      await desktop.evaluate(`window.flashgrid.saveFile({ fileName: 'a', mediaType: 'b', text: 'c' })`),
    ).toBe(false);
    expect(desktop.output).toContain('refused a message on flashgrid:call from data:text/html');
    await desktop.ask('comeBack');
    expect(await desktop.call('app.getSnapshot', {})).toMatchObject({ ok: true });
  });
  it('through a webview is refused', async () => {
    expect(await desktop.ask('attachWebview')).toBe(true);
  });
});

describe('permissions', () => {
  it('are refused, every one', async () => {
    for (const permission of ['geolocation', 'media', 'notifications', 'clipboard-read', 'openExternal']) {
      expect(await desktop.ask('requestPermission', permission)).toBe(false);
      expect(await desktop.ask('checkPermission', permission)).toBe(false);
    }
    expect(await desktop.ask('devicePermission')).toBe(false);
    expect(await desktop.ask('displayMedia')).toBe(null);
  });
});
