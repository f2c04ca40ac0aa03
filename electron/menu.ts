/** The menu as data. It depends on the cluster and the settings only. */
import type { MenuItemConstructorOptions } from 'electron';
import type { ClusterState } from '../contract/state.ts';
import type { Settings } from '../contract/settings.ts';
import { PAGES, PAGE_TITLES, type Page } from '../contract/pages.ts';

const THEMES: readonly { readonly theme: Settings['theme']; readonly label: string }[] = [
  { theme: 'system', label: 'As the System' },
  { theme: 'light', label: 'Light' },
  { theme: 'dark', label: 'Dark' },
];

const ZOOM_KEYS = [
  ['zoomIn', '='],
  ['zoomIn', 'numadd'],
  ['zoomOut', 'numsub'],
  ['resetZoom', 'num0'],
] as const;

export interface MenuActions {
  startCluster(): void;
  stopCluster(): void;
  launchAttack(): void;
  cancelAttack(): void;
  exportRun(): void;
  about(): void;
  showPage(page: Page): void;
  changeSettings(change: Partial<Settings>): void;
  openDataFolder(): void;
}

export interface MenuState {
  readonly platform: NodeJS.Platform;
  readonly canUseDevTools: boolean;
  readonly cluster: ClusterState['state'];
  readonly isAttacking: boolean;
  readonly theme: Settings['theme'];
  readonly isProjectorMode: boolean;
}

/** The whole menu bar. */
export function menuTemplate(state: MenuState, actions: MenuActions): MenuItemConstructorOptions[] {
  const isMac = state.platform === 'darwin';
  return [
    ...(isMac ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&Cluster',
      submenu: [
        {
          id: 'cluster.start',
          label: 'Start',
          accelerator: 'CmdOrCtrl+Return',
          enabled: state.cluster === 'stopped' || state.cluster === 'failed',
          click: actions.startCluster,
        },
        {
          id: 'cluster.stop',
          label: 'Stop…',
          accelerator: 'CmdOrCtrl+.',
          enabled: state.cluster === 'running' || state.cluster === 'starting',
          click: actions.stopCluster,
        },
        { type: 'separator' },
        { id: 'dataFolder', label: 'Open Data Folder', click: actions.openDataFolder },
        ...(isMac
          ? []
          : [{ type: 'separator' } as const, { role: 'quit', label: 'Quit FlashGrid' } as const]),
      ],
    },
    {
      label: '&Attack',
      submenu: [
        {
          id: 'attack.launch',
          label: 'Launch…',
          accelerator: 'CmdOrCtrl+L',
          enabled: !state.isAttacking,
          click: actions.launchAttack,
        },
        {
          id: 'attack.cancel',
          label: 'Call Off…',
          enabled: state.isAttacking,
          click: actions.cancelAttack,
        },
        { type: 'separator' },
        {
          id: 'run.export',
          label: 'Export the Last Run…',
          accelerator: 'CmdOrCtrl+E',
          click: actions.exportRun,
        },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        ...PAGES.map((page, index) => ({
          id: `page.${page}`,
          label: PAGE_TITLES[page],
          accelerator: `CmdOrCtrl+${index + 1}`,
          click: () => actions.showPage(page),
        })),
        { type: 'separator' },
        {
          label: 'Theme',
          submenu: THEMES.map(({ theme, label }) => ({
            id: `theme.${theme}`,
            label,
            type: 'radio' as const,
            checked: state.theme === theme,
            click: () => actions.changeSettings({ theme }),
          })),
        },
        {
          id: 'projector',
          label: 'Projector Mode',
          type: 'checkbox',
          accelerator: 'CmdOrCtrl+Shift+P',
          checked: state.isProjectorMode,
          click: () => actions.changeSettings({ isProjectorMode: !state.isProjectorMode }),
        },
        { type: 'separator' },
        { role: 'reload' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        // The keys that people press for them: plus without Shift, and those of the number pad.
        ...ZOOM_KEYS.map(([role, key]) => ({
          role,
          accelerator: `CmdOrCtrl+${key}`,
          visible: false,
          acceleratorWorksWhenHidden: true,
        })),
        { role: 'togglefullscreen' },
        ...(state.canUseDevTools
          ? [{ type: 'separator' } as const, { role: 'toggleDevTools' } as const]
          : []),
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        { id: 'words', label: 'What the Words Mean', click: () => actions.showPage('help') },
        { id: 'doctor', label: 'Is This Machine Ready?', click: () => actions.showPage('settings') },
        { id: 'about', label: 'About FlashGrid', click: actions.about },
      ],
    },
  ];
}
