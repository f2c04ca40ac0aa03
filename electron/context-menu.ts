/** Cut, copy and paste on a right click: Electron has no context menu by default. */
import { Menu, type BrowserWindow, type MenuItemConstructorOptions } from 'electron';

/** Shows the menu where there is something to edit or copy. */
export function offerContextMenu(window: BrowserWindow): void {
  window.webContents.on('context-menu', (_event, { isEditable, selectionText, editFlags }) => {
    const copy: MenuItemConstructorOptions = { role: 'copy', enabled: editFlags.canCopy };
    const template: MenuItemConstructorOptions[] = isEditable
      ? [
          { role: 'undo', enabled: editFlags.canUndo },
          { role: 'redo', enabled: editFlags.canRedo },
          { type: 'separator' },
          { role: 'cut', enabled: editFlags.canCut },
          copy,
          { role: 'paste', enabled: editFlags.canPaste },
          { type: 'separator' },
          { role: 'selectAll', enabled: editFlags.canSelectAll },
        ]
      : selectionText.trim() === ''
        ? []
        : [copy];
    if (template.length > 0) Menu.buildFromTemplate(template).popup({ window });
  });
}
