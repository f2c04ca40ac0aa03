import { describe, expect, it } from 'vitest';
import { fixtureParts } from '../tests/support/run-fixture.ts';
import { attackSettingsSchema } from '../contract/attack-settings.ts';
import type { MatrixState } from '../contract/matrix.ts';
import type { AttackState, ClusterState } from '../contract/state.ts';
import { menuTemplate, type MenuActions } from './menu.ts';
import { safeFileName } from './save-file.ts';
import { BUSY, NO_PROGRESS, Taskbar, progressOf } from './taskbar.ts';
import { VerdictNotice, noticeOf, type Notice } from './verdict-notice.ts';

const attack = (change: Partial<AttackState>): AttackState => ({
  runId: 'run-1',
  saleId: 'sale',
  phase: 'attacking',
  settings: attackSettingsSchema.parse({ profile: 'burst' }),
  startedAtMs: 0,
  progress: 0.5,
  sent: 0,
  accepted: 0,
  rejected: 0,
  unknown: 0,
  granted: 0,
  remaining: 0,
  reasons: [],
  ...change,
});
const cluster = (state: ClusterState['state']): ClusterState => ({ state, steps: [], backends: [] });

describe('progressOf', () => {
  it('shows how far an attack is, before anything else', () => {
    expect(progressOf(cluster('starting'), attack({ progress: 0.25 }))).toBe(0.25);
  });
  it('is busy while there is no telling how long', () => {
    expect(progressOf(cluster('starting'), undefined)).toBe(BUSY);
    expect(progressOf(cluster('running'), attack({ phase: 'auditing' }))).toBe(BUSY);
  });
  it('shows nothing once all is done', () => {
    expect(progressOf(cluster('running'), attack({ phase: 'finished' }))).toBe(NO_PROGRESS);
    expect(progressOf(undefined, undefined)).toBe(NO_PROGRESS);
  });
  it('is told to the system only when a person could see the difference', () => {
    const shown: number[] = [];
    const taskbar = new Taskbar((progress) => shown.push(progress));
    for (let done = 0; done <= 1_000; done++) taskbar.handleAttack(attack({ progress: done / 1_000 }));
    taskbar.handleAttack(attack({ phase: 'finished' }));
    taskbar.handleCluster(cluster('running'));
    expect(shown).toHaveLength(102);
    expect(shown.at(-1)).toBe(NO_PROGRESS);
  });
});

describe('the notice of a verdict', () => {
  it('is given once, and only when nobody looks', () => {
    const shown: Notice[] = [];
    let isWatched = false;
    const notice = new VerdictNotice(
      () => isWatched,
      (each) => shown.push(each),
    );
    notice.handleAttack(attack({}));
    const { load, audit } = fixtureParts();
    const end = { phase: 'finished', load, audit } as const;
    notice.handleAttack(attack({ ...end, verdict: 'pass' }));
    notice.handleAttack(attack({ ...end, verdict: 'pass' }));
    isWatched = true;
    notice.handleAttack(attack({ ...end, runId: 'run-2', verdict: 'fail' }));
    expect(shown.map(({ title }) => title)).toEqual(['20 tickets, 20 owners. Exactly.']);
  });
  it('is given once for a whole crash matrix, at its end, unless a person stopped it', () => {
    const shown: Notice[] = [];
    const notice = new VerdictNotice(
      () => false,
      (each) => shown.push(each),
    );
    const matrix: MatrixState = { phase: 'running', total: 2, done: 0, impossible: [], version: 0 };
    const { load, audit } = fixtureParts();
    const end = { phase: 'finished', load, audit, verdict: 'pass' } as const;
    notice.handleMatrix(matrix);
    notice.handleAttack(attack(end));
    notice.handleMatrix({ ...matrix, phase: 'stopping', done: 1 });
    notice.handleMatrix({ ...matrix, phase: 'idle', done: 1 });
    expect(shown).toEqual([]);
    notice.handleMatrix({ ...matrix, done: 1 });
    notice.handleMatrix({ ...matrix, phase: 'idle', done: 2 });
    expect(shown).toEqual([{ title: 'The crash matrix is done', body: '2 attacks: see what held.' }]);
    const failure = { code: 'cluster.backendDown', message: 'Redis is away.', fix: 'x' } as const;
    notice.handleMatrix(matrix);
    notice.handleMatrix({ ...matrix, phase: 'idle', failure });
    expect(shown.at(-1)?.body).toBe('Redis is away.');
    notice.handleAttack(attack({ ...end, runId: 'run-3' }));
    expect(shown).toHaveLength(3);
  });
  it('does not speak of a fault when only a limit was missed', () => {
    const { load, audit } = fixtureParts();
    const reasons = ['The p99 latency was 40 ms; at most 10 ms was asked for.'];
    const notice = noticeOf(attack({ phase: 'finished', load, audit, verdict: 'fail', reasons }));
    expect(notice?.title).toMatch(/^Every promise was kept/);
    expect(notice?.body).toMatch(/^20 of 20 sold, .* requests\/s, The p99 latency was 40 ms/);
  });
  it('says why an attack could not be carried out', () => {
    const failure = { code: 'gateway.noAnswer', message: 'No gateway answers.', fix: 'y' } as const;
    expect(noticeOf(attack({ phase: 'failed', failure }))?.body).toBe('No gateway answers.');
  });
  it('says nothing of an attack that the person ended', () => {
    expect(noticeOf(attack({ phase: 'cancelled' }))).toBeUndefined();
  });
});

describe('safeFileName', () => {
  it.each([
    ['run.html', 'run.html'],
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\evil.exe', 'evil.exe'],
    ['.bashrc', 'bashrc'],
    ['a:b|c?.json', 'a-b-c-.json'],
    ['..', 'flashgrid-export'],
    ['', 'flashgrid-export'],
  ])('makes of %j: %s', (proposed, name) => expect(safeFileName(proposed)).toBe(name));
});

describe('the menu', () => {
  const actions: MenuActions = {
    startCluster: () => undefined,
    stopCluster: () => undefined,
    showPage: () => undefined,
    changeSettings: () => undefined,
    openDataFolder: () => undefined,
    launchAttack: () => undefined,
    cancelAttack: () => undefined,
    exportRun: () => undefined,
    about: () => undefined,
  };
  const flatten = (items: ReturnType<typeof menuTemplate>): ReturnType<typeof menuTemplate> =>
    items.flatMap((item) => [item, ...(Array.isArray(item.submenu) ? flatten(item.submenu) : [])]);
  const items = (change: Partial<Parameters<typeof menuTemplate>[0]> = {}) =>
    flatten(
      menuTemplate(
        {
          platform: 'linux',
          canUseDevTools: false,
          cluster: 'stopped',
          isAttacking: false,
          theme: 'light',
          isProjectorMode: false,
          ...change,
        },
        actions,
      ),
    );

  it('offers start or stop as the cluster allows', () => {
    const enabled = (state: ClusterState['state']) =>
      items({ cluster: state })
        .filter(({ id }) => id?.startsWith('cluster.'))
        .map((item) => item.enabled);
    expect(enabled('stopped')).toEqual([true, false]);
    expect(enabled('failed')).toEqual([true, false]);
    expect(enabled('starting')).toEqual([false, true]);
    expect(enabled('running')).toEqual([false, true]);
    expect(enabled('stopping')).toEqual([false, false]);
  });
  it('offers to launch or to call off as an attack allows', () => {
    const enabled = (isAttacking: boolean) =>
      items({ isAttacking })
        .filter(({ id }) => id?.startsWith('attack.'))
        .map((item) => item.enabled);
    expect(enabled(false)).toEqual([true, false]);
    expect(enabled(true)).toEqual([false, true]);
  });
  it('has no shortcut twice', () => {
    const shortcuts = items({ platform: 'darwin', canUseDevTools: true }).flatMap(
      ({ accelerator }) => accelerator ?? [],
    );
    expect(new Set(shortcuts).size).toBe(shortcuts.length);
    expect(shortcuts.length).toBeGreaterThan(6);
  });
  it('has developer tools only where the app was not packaged', () => {
    const roles = (canUseDevTools: boolean) => items({ canUseDevTools }).map(({ role }) => role);
    expect(roles(true)).toContain('toggleDevTools');
    expect(roles(false)).not.toContain('toggleDevTools');
  });
  it('marks the theme in use', () => {
    expect(
      items({ theme: 'dark' })
        .filter(({ checked }) => checked)
        .map(({ id }) => id),
    ).toEqual(['theme.dark']);
  });
});
