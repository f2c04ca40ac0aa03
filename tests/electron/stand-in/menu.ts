/** Stands in for `Menu`: keeps the template, so that a test can choose an item of it. */
export interface MenuItem {
  readonly id?: string;
  readonly label?: string;
  readonly enabled?: boolean;
  readonly checked?: boolean;
  readonly submenu?: readonly MenuItem[];
  readonly click?: () => void;
}

let template: readonly MenuItem[] = [];

export function setMenu(menu: readonly MenuItem[]): void {
  template = menu;
}

export const Menu = {
  buildFromTemplate: (menu: readonly MenuItem[]) => menu,
  setApplicationMenu: setMenu,
};

const flatten = (items: readonly MenuItem[]): MenuItem[] =>
  items.flatMap((item) => [item, ...flatten(item.submenu ?? [])]);

/** An item by its id. */
export function menuItem(id: string): MenuItem {
  const item = flatten(template).find((each) => each.id === id);
  if (!item) throw new Error(`the menu has no ${id}`);
  return item;
}
