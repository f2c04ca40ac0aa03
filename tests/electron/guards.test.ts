/** What a page of the built app may and may not do, in a real Electron. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isCommandName } from '../../contract/contract.ts';
import { fixtureRun } from '../support/run-fixture.ts';
import { totalsOfPdf, totalsOfRecord } from '../support/run-totals.ts';
import { ElectronApp, fakeDesktop, temporaryHome } from './support/electron-app.ts';

const home = temporaryHome();
const desktop = fakeDesktop(home.path);
let app: ElectronApp;

const evaluate = (script: string): Promise<unknown> => app.page.evaluate(script);
const windows = () =>
  app.main(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map(({ webContents }) => webContents.getURL()),
  );
const refused = (what: string) =>
  app.until(`refused ${what}`, () => app.output.includes(`desktop: refused ${what}`));

/** Sends a message as a preload without checks would, from a frame: the main one, or one within the page. */
const send = (where: 'page' | 'frame', channel: string, ...args: unknown[]) =>
  app.main(
    async ({ BrowserWindow, ipcMain }, [place, name, given]) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      const main = contents?.mainFrame;
      const senderFrame = place === 'page' ? main : main?.frames[0];
      // The handler itself, with the frames that Electron knows: the page's own world has no way to it.
      const handlers = (
        ipcMain as unknown as { _invokeHandlers: Map<string, (...all: unknown[]) => unknown> }
      )._invokeHandlers;
      return await handlers.get(name)?.({ sender: contents, senderFrame }, ...given);
    },
    [where, channel, args] as const,
  );

beforeAll(async () => {
  // No other browser than the app itself can print.
  const env = { ...desktop.env, FLASHGRID_CHROMIUM: '/nowhere' };
  app = await ElectronApp.start({ home: home.path, env });
});
afterAll(async () => {
  await app.end();
  home.remove();
});
afterEach(async () => {
  expect(await windows()).toEqual(['app://flashgrid/']);
});

describe('the report of a run', () => {
  it('is printed and drawn by this process, and leaves no page open', async () => {
    const record = fixtureRun();
    mkdirSync(join(app.dataDir, 'runs'), { recursive: true });
    writeFileSync(join(app.dataDir, 'runs', `${record.id}.json`), JSON.stringify(record));
    const exportAs = async (format: 'pdf' | 'png') => {
      const { text } = await app.call('runs.exportRun', { id: record.id, format });
      return Buffer.from(text, 'base64');
    };
    expect(await totalsOfPdf(await exportAs('pdf'))).toEqual(totalsOfRecord(record));
    const zip = await exportAs('png');
    expect(zip.toString('latin1', 0, 4)).toBe('PK\x03\x04');
    // Five pictures, and none of them blank.
    expect(zip.length).toBeGreaterThan(100_000);
  });
});

describe('the window', () => {
  it('is isolated, without Node, and its process is in the sandbox of the system', async () => {
    const { preferences, pid } = await app.main(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      const known = contents as unknown as { getLastWebPreferences(): Record<string, unknown> };
      return { preferences: known.getLastWebPreferences(), pid: contents?.getOSProcessId() ?? 0 };
    });
    expect(preferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
    });
    expect(preferences['enableBlinkFeatures'] ?? '').toBe('');
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    // A filter of system calls, no way to more rights, and (of the sandbox) a process namespace of its own.
    expect(status).toMatch(/^Seccomp:\s*2$/m);
    expect(status).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(status).toMatch(/^NSpid:\s*\d+\s+\d+/m);
    expect(status).toMatch(/^CapEff:\s*0+$/m);
  });
  it('draws its page without one error or refused resource', () => {
    expect(app.complaints).toEqual([]);
  });
});

describe('the preload', () => {
  it('gives the page three functions and nothing else', async () => {
    expect(await evaluate('Object.keys(window.flashgrid).sort()')).toEqual(['call', 'on', 'saveFile']);
    expect(
      await evaluate(
        '["require", "process", "module", "Buffer", "ipcRenderer"].filter((name) => name in window)',
      ),
    ).toEqual([]);
  });
  it('lets through the names of the contract alone', async () => {
    for (const name of ['app.explode', '__proto__', 'constructor', 'toString', '']) {
      expect(isCommandName(name)).toBe(false);
      expect(
        await evaluate(
          `window.flashgrid.call(${JSON.stringify(name)}, {}).then(() => 'answered', (error) => error.message)`,
        ),
      ).toContain('not part of the contract');
    }
    expect(
      await evaluate(
        `(() => { try { window.flashgrid.on('any.event', () => {}); } catch (error) { return error.message } })()`,
      ),
    ).toContain('not part of the contract');
  });
});

describe('the policy of the page', () => {
  it('comes as a header with every answer', async () => {
    const policy = await evaluate(
      'fetch("/").then((answer) => answer.headers.get("content-security-policy"))',
    );
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-src 'none'");
    expect(policy).not.toContain('unsafe-eval');
  });
  it('runs no script that the page was made to write', async () => {
    expect(
      await evaluate(`new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), { once: true });
        const script = document.createElement('script');
        script.textContent = 'window.injected = true';
        document.body.append(script);
        setTimeout(() => resolve('nothing was refused'), 3000);
      }).then((directive) => [directive, 'injected' in window])`),
    ).toEqual(['script-src-elem', false]);
    expect(await evaluate(`fetch('https://outside.invalid/').then(() => 'reached', () => 'refused')`)).toBe(
      'refused',
    );
  });
  it('holds without the header too: the session lets no request out', async () => {
    expect(
      await app.main(({ session }) =>
        session.defaultSession.fetch('http://127.0.0.1:9/').then(String, (error: unknown) => String(error)),
      ),
    ).toContain('ERR_BLOCKED_BY_CLIENT');
    await refused('a request to http://127.0.0.1:9/');
  });
  it('serves the files of the build, and no path beside them', async () => {
    const status = (path: string) =>
      evaluate(`fetch(${JSON.stringify(path)}).then((answer) => answer.status)`);
    expect(await status('/index.html')).toBe(200);
    expect(await status('/../../package.json')).toBe(404);
    expect(await status('/%2e%2e/%2e%2e/package.json')).toBe(404);
    expect(await status('/assets')).toBe(404);
  });
});

describe('messages', () => {
  it('from a frame within the page are refused, and the frame has no preload', async () => {
    await evaluate(`new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.onload = resolve;
      document.body.append(frame);
    })`);
    expect(await send('frame', 'flashgrid:call', 'cluster.start', {})).toMatchObject({
      ok: false,
      error: { code: 'ipc.refusedSender' },
    });
    expect(await send('frame', 'flashgrid:saveFile', { fileName: 'a', mediaType: 'b', text: 'c' })).toBe(
      false,
    );
    await refused('a message on flashgrid:call from');
    expect(await evaluate(`'flashgrid' in document.querySelector('iframe').contentWindow`)).toBe(false);
    await evaluate(`document.querySelector('iframe').remove()`);
  });
  it('of another shape get a clear refusal', async () => {
    for (const [args, code] of [
      [[42, {}], 'ipc.badMessage'],
      [['app.getSnapshot'], 'ipc.badMessage'],
      [['logs.listLines', { text: 'x'.repeat(300_000) }], 'ipc.badMessage'],
      [['no.such', {}], 'contract.unknownCommand'],
      [['services.scale', { role: 'gateway', count: 99 }], 'contract.badInput'],
    ] as const)
      expect(await send('page', 'flashgrid:call', ...args)).toMatchObject({ ok: false, error: { code } });
  });
});

describe('leaving', () => {
  it('is refused to the page, wherever it is sent', async () => {
    await evaluate(`void (location.href = 'https://outside.invalid/')`);
    await refused('navigation to https://outside.invalid/');
    await evaluate(`void (location.href = 'file:///etc/passwd')`).catch(() => undefined);
    expect(desktop.opened()).toBe('');
  });
  it('into a frame is refused too', async () => {
    expect(
      await evaluate(`new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), { once: true });
        const frame = document.createElement('iframe');
        frame.src = 'https://framed.invalid/';
        document.body.append(frame);
      })`),
    ).toBe('frame-src');
    await evaluate(`document.querySelector('iframe').remove()`);
  });
  it('by a new window opens none; a known site opens in the browser of the person instead', async () => {
    await evaluate(`void window.open('https://evil.invalid/', '_blank', 'noopener')`);
    await refused('a new window for https://evil.invalid/');
    await evaluate(`void window.open('https://www.rabbitmq.com/docs', '_blank', 'noopener')`);
    await app.until('the browser is asked', () => desktop.opened());
    expect(desktop.opened()).toBe('https://www.rabbitmq.com/docs');
  });
  it('by a download or a webview is refused', async () => {
    await evaluate(`(() => {
      const link = document.createElement('a');
      link.href = 'data:text/plain,loot';
      link.download = 'loot.txt';
      document.body.append(link);
      link.click();
      link.remove();
    })()`);
    await refused('a download of data:text/plain,loot');
    await evaluate(`document.body.append(document.createElement('webview'))`);
    expect(await app.main(({ webContents }) => webContents.getAllWebContents().length)).toBe(1);
  });
  it('gives a page that got through all the same no word with the control centre', async () => {
    await app.main(async ({ BrowserWindow }) => {
      // Loaded by the main process itself, which no guard of navigation stops.
      await BrowserWindow.getAllWindows()[0]?.loadURL('data:text/html,<h1>Somewhere else</h1>');
    });
    await app.page.getByText('Somewhere else').waitFor();
    const call = `window.flashgrid.call('app.getSnapshot', {})`;
    // The preload is there, as it would be; whom it talks to is what counts.
    expect(await evaluate(call)).toMatchObject({ ok: false, error: { code: 'ipc.refusedSender' } });
    expect(await evaluate(`window.flashgrid.saveFile({ fileName: 'a', mediaType: 'b', text: 'c' })`)).toBe(
      false,
    );
    await refused('a message on flashgrid:call from data:text/html');
    await app.main(async ({ BrowserWindow }) => {
      await BrowserWindow.getAllWindows()[0]?.loadURL('app://flashgrid/');
    });
    await app.page.locator('main#main').waitFor();
    expect(await evaluate(call)).toMatchObject({ ok: true });
  });
});

describe('permissions', () => {
  it('are refused, every one', async () => {
    expect(
      await evaluate(`Promise.all([
        new Promise((resolve) => navigator.geolocation.getCurrentPosition(() => resolve('given'), () => resolve('refused'))),
        navigator.mediaDevices.getUserMedia({ audio: true }).then(() => 'given', () => 'refused'),
        navigator.mediaDevices.getDisplayMedia({ video: true }).then(() => 'given', () => 'refused'),
        Notification.requestPermission().then((answer) => (answer === 'granted' ? 'given' : 'refused')),
        navigator.clipboard.readText().then(() => 'given', () => 'refused'),
      ])`),
    ).toEqual(Array.from({ length: 5 }, () => 'refused'));
    for (const name of ['geolocation', 'camera', 'microphone', 'notifications', 'clipboard-read', 'midi'])
      expect(
        [name, await evaluate(`navigator.permissions.query({ name: '${name}' }).then(({ state }) => state)`)],
        name,
      ).toEqual([name, 'denied']);
    await refused('the permission geolocation');
  });
});
