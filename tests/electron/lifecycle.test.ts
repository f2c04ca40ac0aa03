/** The built desktop app from start to quit, with a real cluster that it starts itself and a real page in Chromium. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  attackStateSchema,
  commands,
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type Snapshot,
} from '../../electron/control/contract.ts';
import { failureSchema } from '../../electron/control/cluster/cluster.ts';
import { flashgrid, survivors, temporaryDataDir } from '../support/terminal.ts';
import { Desktop } from './desktop.ts';

const resultSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), error: failureSchema }),
]);
/** ms for what starts or stops a cluster, on a machine that has other things to do. */
const LIMIT_MS = 120_000;

let dataDir: string;
let remove: () => Promise<void>;
let desktop: Desktop;
/** Commands that have answered over IPC with what the contract promises. */
const reached = new Set<string>();

/** Calls a command from the page and checks its answer by the contract. */
async function call<Name extends CommandName>(
  name: Name,
  input: CommandInput<Name>,
): Promise<CommandOutput<Name>> {
  const result = resultSchema.parse(await desktop.call(name, input));
  if (!result.ok) throw new Error(`${name}: ${result.error.code}: ${result.error.message}`);
  const schema: z.ZodType<CommandOutput<Name>> = commands[name].output as never;
  const value = schema.parse(result.value);
  reached.add(name);
  return value;
}

const attackOf = async () => attackStateSchema.parse((await call('app.getSnapshot', {})).attack);
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

let handles: (string | undefined)[] = [];
const servicePids = ({ services }: Snapshot): number[] => services.flatMap(({ pid }) => (pid ? [pid] : []));

beforeAll(async () => {
  ({ path: dataDir, remove } = await temporaryDataDir());
});
afterAll(async () => {
  await desktop.end();
  await remove();
});

describe('a first start', () => {
  beforeAll(async () => {
    desktop = await Desktop.start({ dataDir });
    // The page hears events through the preload: kept, to be looked at by the tests.
    await desktop.evaluate(
      `void (window.heard = [], window.flashgrid.on('cluster.stateChanged', (event) => window.heard.push(event.cluster.state)))`,
    );
    await call('cluster.start', { provider: 'native' });
  }, LIMIT_MS);

  it('shows the window once it is drawn, under the theme of the settings', async () => {
    expect(await desktop.ask('windowState')).toMatchObject({ isShown: true });
    expect((await desktop.recorded('theme'))[0]).toBe('system');
  });

  it('tells the page what happens, in order', async () => {
    const heard = z.array(z.string()).parse(await desktop.evaluate('window.heard'));
    expect(heard[0]).toBe('starting');
    await desktop.until('the page hears that the cluster runs', async () =>
      z
        .array(z.string())
        .parse(await desktop.evaluate('window.heard'))
        .includes('running'),
    );
  });

  it('answers settings, doctor, logs, sales and scaling over IPC', async () => {
    const settings = await call('settings.getSettings', {});
    await call('settings.saveSettings', { ...settings, theme: 'dark' });
    await desktop.until('the theme follows', async () => (await desktop.recorded('theme')).at(-1) === 'dark');
    expect((await call('doctor.runChecks', {})).findings.length).toBeGreaterThan(0);
    expect((await call('app.getAccess', {})).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=/);
    await call('app.openDataFolder', {});
    expect(await desktop.recorded('openPath')).toEqual([dataDir]);
    expect((await call('logs.listLines', {})).lines.length).toBeGreaterThan(0);
    await call('sales.openSale', { id: 'from-the-window', stock: 3 });
    await call('sales.changeSale', { id: 'from-the-window', change: { title: 'Renamed' } });
    expect(await call('sales.listSales', {})).toMatchObject([{ id: 'from-the-window', title: 'Renamed' }]);
    expect(await call('services.scale', { role: 'worker', count: 2 })).toHaveLength(3);
    await call('services.killService', { id: 'worker-2' });
    await call('attack.cancel', {});
  });

  it('keeps a run going when the page crashes, brings the page back, and tells the verdict', async () => {
    await desktop.ask('blur');
    const launched = await call('attack.launch', {
      profile: 'sustained',
      ratePerSec: 500,
      durationSec: 6,
      connections: 50,
      stock: 20,
    });
    await desktop.until('the attack is under way', async () => (await attackOf()).acknowledged > 0);
    await desktop.ask('crash');
    await desktop.until('the page is back', () =>
      desktop.evaluate('document.querySelector("main#main") !== null'),
    );
    expect(desktop.output).toContain("the window's page is gone: crashed");
    const back = await attackOf();
    expect(back).toMatchObject({ runId: launched.runId });
    const ended = await desktop.until(
      'the verdict',
      async () => {
        const attack = await attackOf();
        return attack.phase === 'finished' ? attack : undefined;
      },
      LIMIT_MS,
    );
    // On a busy machine the generator may say of itself that it fell behind its rate; the audit must pass all the same.
    expect(ended).toMatchObject({ audit: { sold: 20, granted: 20, lost: 0, duplicated: 0, oversold: 0 } });
    expect(ended?.load).toMatchObject({ acknowledged: 3_000, unknown: 0 });
    expect(ended?.verdict).not.toBe('fail');
    expect(await desktop.recorded('notification')).toEqual([
      {
        title:
          ended?.verdict === 'pass'
            ? '20 tickets, 20 owners. Exactly.'
            : 'No verdict: the load generator was the limit.',
        body: expect.stringContaining('20 of 20 sold'),
      },
    ]);
    expect(await desktop.recorded('flash')).toEqual([true]);
  });

  it('showed the progress on the taskbar, and took it away at the end', async () => {
    const progress = z.array(z.number()).parse(await desktop.recorded('progress'));
    expect(progress.filter((value) => value > 0 && value < 1).length).toBeGreaterThan(3);
    expect(progress.at(-1)).toBe(-1);
  });

  it('saves an exported run where the person says, and nowhere else', async () => {
    const [run] = await call('runs.listRuns', {});
    const id = run?.id ?? '';
    expect((await call('runs.getRun', { id })).audit).toMatchObject({ sold: 20 });
    const file = await call('runs.exportRun', { id, format: 'json' });
    const path = join(dataDir, 'chosen.json');
    const save = (fileName: string) =>
      desktop.evaluate(
        `void (window.saved = undefined, window.flashgrid.saveFile(${JSON.stringify({ ...file, fileName })}).then((saved) => { window.saved = saved }))`,
      );

    await save('../../etc/evil.json');
    await desktop.dialog();
    const shown = z
      .object({ options: z.object({ defaultPath: z.string() }) })
      .parse(await desktop.ask('dialog')).options;
    expect(shown.defaultPath).toMatch(/\/evil\.json$/);
    expect(shown.defaultPath).not.toContain('..');
    await desktop.answer({ canceled: true, filePath: '' });
    await desktop.until('not saved', async () => (await desktop.evaluate('window.saved')) === false);
    expect(existsSync(path)).toBe(false);

    await save(file.fileName);
    await desktop.dialog();
    await desktop.answer({ canceled: false, filePath: path });
    await desktop.until('saved', async () => (await desktop.evaluate('window.saved')) === true);
    expect(readFileSync(path, 'utf8')).toBe(file.text);

    await save(file.fileName);
    await desktop.dialog();
    await desktop.answer({ canceled: false, filePath: '/proc/no/such/folder.json' });
    expect(
      (
        await desktop.until('the failure is shown', async () => {
          const dialog = await desktop.dialog();
          return dialog.message === '' ? undefined : dialog;
        })
      )?.message,
    ).toBe('The file could not be saved.');
    await desktop.answer({ response: 0 });
    await desktop.until('not saved', async () => (await desktop.evaluate('window.saved')) === false);
    await call('runs.deleteRun', { id });
  });

  it('offers in the menu what the cluster allows, and goes to a page from it', async () => {
    expect(await desktop.ask('menuItem', 'cluster.start')).toMatchObject({ enabled: false });
    expect(await desktop.ask('menuItem', 'cluster.stop')).toMatchObject({ enabled: true });
    expect(await desktop.ask('menuItem', 'theme.dark')).toMatchObject({ checked: true });
    await desktop.ask('menuClick', 'page.logs');
    await desktop.until('the page of the logs', async () =>
      String(await desktop.evaluate('document.title')).startsWith('Logs'),
    );
    await desktop.ask('menuClick', 'projector');
    await desktop.until(
      'projector mode',
      async () => (await call('settings.getSettings', {})).isProjectorMode,
    );
  });

  it('comes to the front when it is started a second time, and stays the only one', async () => {
    await desktop.ask('minimize');
    const second = await Desktop.start({ dataDir, isExpectedToOpen: false });
    expect(await second.ended).toBe(0);
    await desktop.until('the first window comes up', async () => {
      const state = z
        .object({ isFocused: z.boolean(), isMinimized: z.boolean() })
        .parse(await desktop.ask('windowState'));
      return state.isFocused && !state.isMinimized;
    });
  });

  it('can be reached from the terminal', async () => {
    const status = flashgrid(dataDir, 'status');
    expect(await status.ended()).toBe(0);
    expect(status.output()).toContain(`process ${desktop.pid}`);
    expect(status.output()).toContain('Cluster: running');
  });

  it('asks before it closes over a running cluster, and stays when told to', async () => {
    await desktop.ask('closeWindow');
    const question = await desktop.dialog();
    expect(question.message).toBe('The cluster is running.');
    expect(question.buttons).toEqual(['Stop everything', 'Keep the engines running', 'Cancel']);
    // Asked again meanwhile, it does not open a second question.
    await desktop.ask('quit');
    await desktop.answer({ response: 2, checkboxChecked: false });
    const snapshot = await call('app.getSnapshot', {});
    expect(await desktop.ask('dialog')).toBe(null);
    expect(snapshot.cluster.state).toBe('running');
    handles = snapshot.cluster.engines.map(({ handle }) => handle);
  });

  it('keeps the engines when told to, and ends the services before it goes', async () => {
    const pids = servicePids(await call('app.getSnapshot', {}));
    expect(pids).toHaveLength(3);
    await desktop.ask('setBounds', { x: 120, y: 80, width: 1_000, height: 700 });
    await desktop.ask('quit');
    await desktop.dialog();
    await desktop.answer({ response: 1, checkboxChecked: false });
    expect(await desktop.ended).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(survivors(dataDir).length).toBeGreaterThanOrEqual(3);
  });
});

describe('a second start', () => {
  beforeAll(async () => {
    desktop = await Desktop.start({ dataDir });
  }, LIMIT_MS);

  it('opens where the window was', async () => {
    expect(await desktop.recorded('window')).toMatchObject([{ x: 120, y: 80, width: 1_000, height: 700 }]);
    expect(await desktop.recorded('theme')).toContain('dark');
  });

  it('takes over the engines that were kept', async () => {
    const cluster = await call('cluster.start', { provider: 'native' });
    expect(cluster.engines.map(({ handle }) => handle)).toEqual(handles);
  });

  it('stops everything when told to, remembers the answer, and holds the end until all is gone', async () => {
    await desktop.ask('quit');
    await desktop.dialog();
    await desktop.answer({ response: 0, checkboxChecked: true });
    // Held: asked to quit once more while it stops, it still waits for the engines.
    await desktop.ask('quit').catch(() => undefined);
    expect(await desktop.ended).toBe(0);
    expect(survivors(dataDir)).toEqual([]);
    expect(existsSync(join(dataDir, 'lock'))).toBe(false);
    expect(existsSync(join(dataDir, 'control.json'))).toBe(false);
    expect(JSON.parse(readFileSync(join(dataDir, 'settings.json'), 'utf8'))).toMatchObject({
      onQuit: 'stop',
    });
  });
});

describe('a third start', () => {
  beforeAll(async () => {
    // The display on which the window was is gone.
    desktop = await Desktop.start({
      dataDir,
      env: { STAND_IN_DISPLAYS: '[{"x":-3000,"y":0,"width":1280,"height":720}]' },
    });
  }, LIMIT_MS);

  it('opens on the display that is there', async () => {
    expect(await desktop.recorded('window')).toMatchObject([{ x: -2860, y: 10, width: 1_000, height: 700 }]);
  });

  it('stops a cluster whose engine was killed, without a question, when a signal comes', async () => {
    await call('cluster.stop', {});
    await call('cluster.reset', {});
    await call('cluster.cancelStart', {});
    await call('settings.saveSettings', { ...(await call('settings.getSettings', {})), onQuit: 'ask' });
    await call('cluster.start', { provider: 'native' });
    await call('cluster.killEngine', { role: 'redis' });
    desktop.signal('SIGTERM');
    expect(await desktop.ended).toBe(0);
    expect(survivors(dataDir)).toEqual([]);
  });
});

describe('a fourth start', () => {
  it('ends at once when the page asks to quit and nothing runs', async () => {
    desktop = await Desktop.start({ dataDir });
    await call('app.quit', {});
    expect(await desktop.ended).toBe(0);
    expect(await desktop.recorded('dialog').catch(() => [])).toEqual([]);
  });

  it('has answered every command of the contract by then', () => {
    expect([...reached].sort()).toEqual(Object.keys(commands).sort());
  });
});

describe('a data folder that a terminal holds', () => {
  let serving: ReturnType<typeof flashgrid> | undefined;
  afterEach(async () => {
    serving?.child.kill('SIGTERM');
    await serving?.ended();
  });

  it('is not opened twice: the window says who has it, and shows that one in the browser if wanted', async () => {
    serving = flashgrid(dataDir, 'serve');
    await serving.printed(/http:\/\/127\.0\.0\.1:\d+\/\?token=/);
    const refused = await Desktop.start({ dataDir, isExpectedToOpen: false });
    const dialog = await refused.dialog();
    expect(dialog.message).toContain(`in use by process ${serving.child.pid}`);
    expect(dialog.buttons).toEqual(['Open it in the browser', 'Quit']);
    await refused.answer({ response: 0 });
    expect(await refused.ended).toBe(6);
    expect(serving.child.exitCode).toBe(null);
  });
});
