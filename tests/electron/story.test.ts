/** The whole story as a person plays it: the built app in a real Electron, with real backends. Each test goes on where the last one ended. */
import { PAGES, PAGE_TITLES } from '../../contract/pages.ts';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAdapter } from '../../contract/adapter.ts';
import { personAt } from '../renderer/support/person.ts';
import { survivors } from '../support/terminal.ts';
import {
  ElectronApp,
  descriptorsOf,
  fakeDesktop,
  processesOf,
  temporaryHome,
  userOfTests,
} from './support/electron-app.ts';

/** ms for what starts or stops a cluster, on a machine that has other things to do. */
const CLUSTER_LIMIT_MS = 60_000;
const CLI = resolve(import.meta.dirname, '../../out/main/cli.js');

const home = temporaryHome();
let app: ElectronApp;
let handles: (string | undefined)[] = [];
/** Every shortcut that was pressed, as the menu writes it. */
const pressed = new Set<string>();
const desktop = fakeDesktop(home.path);

const { button, heading, launch } = personAt(() => app.page);
const titleIs = (title: string) => app.until(title, async () => (await app.page.title()).startsWith(title));
const clusterRuns = async () => {
  await app.until(
    'the cluster runs',
    async () => {
      const { cluster } = await app.call('app.getSnapshot', {});
      if (cluster.state !== 'running') throw new Error(JSON.stringify([cluster.state, cluster.failure]));
      return true;
    },
    CLUSTER_LIMIT_MS - 5_000,
  );
  await app.page.getByText('Cluster running').first().waitFor();
};
const zoom = () =>
  app.main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getZoomFactor());
const window = () =>
  app.main(({ BrowserWindow }) => {
    const [first] = BrowserWindow.getAllWindows();
    return {
      isMinimized: first?.isMinimized() ?? false,
      isFullScreen: first?.isFullScreen() ?? false,
      isFocused: first?.isFocused() ?? false,
      hasDevTools: first?.webContents.isDevToolsOpened() ?? false,
      bounds: first?.getNormalBounds(),
      rendererPid: first?.webContents.getOSProcessId() ?? 0,
    };
  });
const clipboard = () => app.main(({ clipboard: system }) => system.readText());

/** The keys of a shortcut that is written as menus write it. */
function chordOf(accelerator: string): string {
  const names: Readonly<Record<string, string>> = {
    Plus: 'plus',
    '-': 'minus',
    '=': 'equal',
    '.': 'period',
    numadd: 'KP_Add',
    numsub: 'KP_Subtract',
    num0: 'KP_0',
  };
  const parts = accelerator.split('+');
  const key = parts.pop() ?? '';
  const held = parts.map((name) => (name === 'Shift' ? 'shift' : 'ctrl')).sort();
  return [...held, names[key] ?? (/^[A-Z]$/.test(key) ? key.toLowerCase() : key)].join('+');
}

/** Presses a shortcut of the menu. */
async function press(accelerator: string): Promise<void> {
  pressed.add(chordOf(accelerator));
  await app.focused(/FlashGrid$/);
  await app.press(chordOf(accelerator));
}

/** Which descriptors of Electron's main process its backends, services and generators hold too. */
function sharedDescriptors(): string[] {
  const own = new Set(descriptorsOf(app.pid));
  return processesOf(home.path).flatMap((line) => {
    const [pid = '', command = ''] = line.split(' ');
    // Chromium's own helpers share on purpose.
    if (Number(pid) === app.pid || line.includes('--type=')) return [];
    return descriptorsOf(Number(pid))
      .filter((target) => own.has(target) && (/^(socket|pipe):/.test(target) || target.startsWith(home.path)))
      .map((target) => `${command}: ${target}`);
  });
}

async function start(): Promise<void> {
  app = await ElectronApp.start({
    home: home.path,
    env: desktop.env,
  });
  await app.watchDialogs();
}

beforeAll(async () => {
  await start();
});
afterAll(async () => {
  await app.end();
  home.remove();
});

describe('a first start', () => {
  it('explains itself, on a page without one error', async () => {
    await heading('Ten thousand people want twenty tickets.').waitFor();
    expect(app.complaints).toEqual([]);
  });

  it('goes to every page by its key, and to the runs when there is none to export', async () => {
    for (const [index, title] of PAGES.map((name) => PAGE_TITLES[name]).entries()) {
      await press(`CmdOrCtrl+${index + 1}`);
      await titleIs(title);
    }
    await press('CmdOrCtrl+E');
    await app.page.getByText('No run yet').waitFor();
  });

  it('zooms by each key that a keyboard has for it', async () => {
    const steps = ['Plus', '-', '=', '-', 'numadd', 'numsub', '=', '0', 'Plus', 'num0'];
    let last = 1;
    for (const key of steps) {
      await press(`CommandOrControl+${key}`);
      const isUp = ['Plus', '=', 'numadd'].includes(key);
      await app.until(`zoom by ${key}`, async () => {
        const now = (await zoom()) ?? 0;
        return isUp ? now > last : Math.abs(now - 1) < 0.01;
      });
      last = (await zoom()) ?? 0;
    }
  });

  it('edits a text field by keys and by the context menu', async () => {
    await press('CmdOrCtrl+6');
    const field = app.page.getByRole('textbox').first();
    await field.fill('first');
    await field.press('End');
    for (const [accelerator, value] of [
      ['A', 'first'],
      ['X', ''],
      ['V', 'first'],
      ['Z', ''],
      ['Shift+Z', 'first'],
    ] as const) {
      await press(`CommandOrControl+${accelerator}`);
      await app.until(`${accelerator} makes it "${value}"`, async () => (await field.inputValue()) === value);
    }
    await field.fill('second');
    await press('CommandOrControl+A');
    await press('CommandOrControl+C');
    await app.until('copied', async () => (await clipboard()) === 'second');
    await app.main(({ clipboard: system }) => system.writeText('third'));
    await field.click({ button: 'right' });
    // Undo, Redo, Cut, Copy, Paste: entries that can't be chosen are passed over.
    await app.until('pasted from the context menu', async () => {
      await app.press('Escape');
      await field.fill('second');
      await field.selectText();
      await field.click({ button: 'right' });
      await new Promise((done) => setTimeout(done, 200));
      await app.press('p');
      return (await field.inputValue()) === 'third';
    });
    await field.fill('');
  });

  it(
    'starts the cluster by its key',
    async () => {
      await press('CmdOrCtrl+Return');
      await clusterRuns();
      handles = (await app.call('app.getSnapshot', {})).cluster.backends.map(({ handle }) => handle).sort();
      expect(handles).toHaveLength(3);
    },
    CLUSTER_LIMIT_MS,
  );

  it('reloads, and has lost nothing', async () => {
    await app.page.evaluate('void (window.isOld = true)');
    await press('CommandOrControl+R');
    await app.until('a new page', async () => (await app.page.evaluate('window.isOld')) === undefined);
    await clusterRuns();
  });

  it('opens the form of a new attack, and comes through a killed page to the verdict', async () => {
    await press('CmdOrCtrl+L');
    await launch({ perSec: 200, forSec: 6 });
    await app.until('the attack is under way', async () => {
      const { attack } = await app.call('app.getSnapshot', {});
      return attack?.phase === 'attacking' && attack.accepted > 0;
    });
    const strangers = sharedDescriptors();
    process.kill((await window()).rendererPid, 'SIGKILL');
    await app.until('the page is gone', () => app.output.includes("the window's page is gone"));
    await app.reconnect();
    await app.until('the page speaks with the control centre', async () => {
      const { attack } = await app.call('app.getSnapshot', {});
      return attack?.settings.stock === 20;
    });
    await app.page
      .getByText(/20 tickets, 20 owners|No verdict/)
      .first()
      .waitFor({ timeout: 45_000 });
    expect(strangers).toEqual([]);
    const [run] = await app.call('runs.listRuns', {});
    const { audit } = await app.call('runs.getRun', { id: run?.id ?? '' });
    expect(audit).toMatchObject({ sold: 20, lost: 0, duplicated: 0, oversold: 0 });
  }, 90_000);

  it('shows the form again for the next attack, not the old verdict', async () => {
    await press('CmdOrCtrl+1');
    await titleIs('Control');
    await press('CmdOrCtrl+L');
    await button('Launch attack').waitFor();
  });

  it('saves the last run where the person says, and tells so', async () => {
    const path = join(home.path, 'chosen.html');
    await press('CmdOrCtrl+E');
    const { defaultPath = '' } = await app.dialog();
    expect(defaultPath).toMatch(/\.html$/);
    await app.focused(/^Save the report$/);
    await app.press('ctrl+a');
    await app.xdotool('type', path);
    await app.press('Return');
    await app.page.getByText('.html is saved.').waitFor();
    expect(readFileSync(path, 'utf8')).toContain('<!doctype html>');
    // Closed without a choice, nothing is written, and nothing is told.
    await press('CmdOrCtrl+E');
    await app.dialog();
    await app.focused(/^Save the report$/);
    await app.press('Escape');
    await app.focused(/· FlashGrid$/);
  });

  it('shows the data folder, and lives on while the file manager is open', async () => {
    const startedMs = performance.now();
    const shown = app.call('app.openDataFolder', {});
    await app.until('the folder is asked for', () => desktop.opened());
    expect(desktop.opened()).toBe(app.dataDir);
    // The main process answers meanwhile.
    await app.call('settings.getSettings', {});
    await shown;
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });

  it('asks in a dialog of the system before a page sets an image or an external URL', async () => {
    const before = await app.call('settings.getSettings', {});
    const redisUrl = 'redis://me:dialog-secret@elsewhere:6379';
    const wanted = { ...before, external: { ...before.external, redisUrl } };
    for (const [answer, code] of [
      ['Cancel', 'page.notConfirmed'],
      ['Save', undefined],
    ] as const) {
      const saving = app.call('settings.saveSettings', wanted).then(
        ({ external }) => external.redisUrl,
        (error: unknown) => String(error),
      );
      const { message, detail } = await app.dialog();
      expect(message).toBe('Change where the backends come from?');
      expect(detail).toContain('external.redisUrl: (empty) → redis://me:***@elsewhere:6379');
      await app.answer(answer);
      expect(await saving).toContain(code ?? 'redis://me:***@elsewhere:6379');
      await app.focused(/· FlashGrid$/);
    }
    expect(readFileSync(join(app.dataDir, 'settings.json'), 'utf8')).toContain(redisUrl);
    // The page sends back what it was shown; to empty the field is a change, too.
    const emptied = app.call('settings.saveSettings', before);
    await app.dialog();
    await app.answer('Save');
    expect((await emptied).external.redisUrl).toBe('');
  });

  it('asks in a dialog of the system before a page attacks another shop', async () => {
    const attack = app.call('attack.launchTarget', {
      settings: { profile: 'burst', requests: 300, connections: 1 },
      target: parseAdapter(
        'shop.json',
        readFileSync(resolve(import.meta.dirname, '../../docs/examples/shop.json'), 'utf8'),
      ),
    });
    const refused = attack.then(
      () => 'launched',
      (error: unknown) => String(error),
    );
    const { message, detail } = await app.dialog();
    expect(message).toBe('Attack this shop?');
    expect(detail).toContain('shop: shop.py, http://127.0.0.1:8000\nbuys with: POST /buy, 300 times\n');
    await app.answer('Cancel');
    expect(await refused).toContain('page.notConfirmed');
    await app.focused(/· FlashGrid$/);
  });

  it('has a key for what the view offers', async () => {
    await press('CmdOrCtrl+Shift+P');
    await app.until(
      'projector mode',
      async () => (await app.call('settings.getSettings', {})).isProjectorMode,
    );
    await press('CmdOrCtrl+Shift+P');
    await press('F11');
    await app.until('full screen', async () => (await window()).isFullScreen);
    await press('F11');
    await app.until('no full screen', async () => !(await window()).isFullScreen);
    await press('CommandOrControl+Shift+I');
    await app.until('developer tools', async () => (await window()).hasDevTools);
    await app.main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.closeDevTools());
    await press('CommandOrControl+M');
    await app.until('minimised', async () => (await window()).isMinimized);
  });

  it('comes to the front when it is started a second time, and stays the only one', async () => {
    const second = await ElectronApp.start({ home: home.path, isExpectedToOpen: false });
    expect(await second.ended).toBe(0);
    await app.until('the first window comes up', async () => {
      const { isFocused, isMinimized } = await window();
      return isFocused && !isMinimized;
    });
  });

  it('asks before it closes over a running cluster, and stays when told to', async () => {
    await press('CommandOrControl+W');
    expect(await app.dialog()).toMatchObject({
      message: 'The cluster is running.',
      buttons: ['Stop everything', 'Keep the backends running', 'Cancel'],
    });
    await app.answer('Cancel');
    await app.focused(/· FlashGrid$/);
    expect((await app.call('app.getSnapshot', {})).cluster.state).toBe('running');
    await press('CmdOrCtrl+.');
    expect(await app.dialog()).toMatchObject({ message: 'Stop the cluster?' });
    await app.answer('Cancel');
    await app.focused(/· FlashGrid$/);
  });

  it('keeps the backends when told to, and ends everything else before it goes', async () => {
    const shortcuts = await app.main(({ Menu }) => {
      type Item = Electron.MenuItem & { getDefaultRoleAccelerator(): string | undefined };
      const walk = (items: readonly Electron.MenuItem[]): string[] =>
        items.flatMap((item) => [
          item.accelerator ?? (item as Item).getDefaultRoleAccelerator() ?? '',
          ...walk(item.submenu?.items ?? []),
        ]);
      return walk(Menu.getApplicationMenu()?.items ?? []).filter((text) => text !== '');
    });
    pressed.add(chordOf('CommandOrControl+Q'));
    expect(shortcuts.filter((accelerator) => !pressed.has(chordOf(accelerator)))).toEqual([]);
    expect(shortcuts.length).toBeGreaterThan(20);
    await app.main(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.setBounds({ x: 120, y: 80, width: 1_000, height: 700 }),
    );
    await press('CommandOrControl+Q');
    await app.answer('Keep the backends running');
    expect(await app.exit()).toBe(0);
    const left = survivors(app.dataDir).map((text) => text.split(' ')[0]);
    expect(left).toEqual(expect.arrayContaining(['rabbitmq', 'redis', 'postgres']));
    expect(left.filter((role) => /gateway|worker|generator/.test(role ?? ''))).toEqual([]);
    expect(processesOf(home.path).filter((line) => / \S*\/electron( |$)/.test(line))).toEqual([]);
  });
});

describe('a second start', () => {
  beforeAll(start);

  it(
    'takes over the backends that were kept, opens where the window was, and offers to stop them',
    async () => {
      await clusterRuns();
      const { cluster } = await app.call('app.getSnapshot', {});
      expect(cluster.backends.map(({ handle }) => handle).sort()).toEqual(handles);
      await button('Stop').waitFor();
      expect((await window()).bounds).toMatchObject({ width: 1_000, height: 700 });
    },
    CLUSTER_LIMIT_MS,
  );

  it('is killed: its services end by themselves', async () => {
    app.signal('SIGKILL');
    expect(await app.exit()).toBe('SIGKILL');
    await expect
      .poll(() => survivors(app.dataDir).filter((text) => /gateway|worker/.test(text)), { timeout: 15_000 })
      .toEqual([]);
    expect(survivors(app.dataDir).length).toBeGreaterThanOrEqual(3);
  });
});

describe('a third start', () => {
  beforeAll(start);

  it(
    'takes over what the killed one left',
    async () => {
      await clusterRuns();
      const { cluster } = await app.call('app.getSnapshot', {});
      expect(cluster.backends.map(({ handle }) => handle).sort()).toEqual(handles);
    },
    CLUSTER_LIMIT_MS,
  );

  it(
    'stops everything when told to, remembers the answer, and leaves nothing',
    async () => {
      await press('CommandOrControl+Q');
      await app.answer('Stop everything', { isRemembered: true });
      expect(await app.exit()).toBe(0);
      expect(survivors(app.dataDir)).toEqual([]);
      expect(processesOf(home.path).filter((line) => !line.includes('sleep'))).toEqual([]);
      for (const name of ['lock', 'control.json'])
        expect(existsSync(join(app.dataDir, name)), name).toBe(false);
      expect(JSON.parse(readFileSync(join(app.dataDir, 'settings.json'), 'utf8'))).toMatchObject({
        onQuit: 'stop',
      });
    },
    CLUSTER_LIMIT_MS,
  );
});

describe('a data folder that a terminal holds', () => {
  it('is not opened twice: the window says who has it, and shows that one in the browser if wanted', async () => {
    const serving = spawn(process.execPath, [CLI, 'serve', '--data-dir', app.dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
      ...userOfTests,
    });
    try {
      const url = await new Promise<string>((done) =>
        serving.stdout.on('data', (text: Buffer) => {
          const [found] = /http:\S+token=\S+/.exec(text.toString()) ?? [];
          if (found) done(found);
        }),
      );
      app = await ElectronApp.start({
        home: home.path,
        isExpectedToOpen: false,
        env: desktop.env,
      });
      await app.focused(/^FlashGrid$/);
      expect(app.output).toContain(`in use by process ${serving.pid}`);
      await app.press('Return');
      expect(await app.exit()).toBe(6);
      await expect.poll(() => desktop.opened()).toContain(url);
      expect(serving.exitCode).toBe(null);
    } finally {
      serving.kill();
    }
  });
});
