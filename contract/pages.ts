/** The window's pages, in the order of the navigation, the menu and the number keys. */
export const PAGES = [
  'control',
  'attack',
  'matrix',
  'lab',
  'race',
  'runs',
  'logs',
  'settings',
  'help',
] as const;
export type Page = (typeof PAGES)[number];

export const PAGE_TITLES: Readonly<Record<Page, string>> = {
  control: 'Control',
  attack: 'Attack',
  matrix: 'Matrix',
  lab: 'Lab',
  race: 'Race',
  runs: 'Runs',
  logs: 'Logs',
  settings: 'Settings',
  help: 'Help',
};
