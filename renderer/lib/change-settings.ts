/** Toggles one of the two settings that have a key and a button on every page. */
import { callOrNotify } from '../client.ts';
import { useControl } from '../store/store.ts';

export async function changeSettings(what: 'theme' | 'projector'): Promise<void> {
  const settings = useControl.getState().data?.settings;
  if (!settings) return;
  if (what === 'projector') {
    await callOrNotify('settings.saveSettings', { ...settings, isProjectorMode: !settings.isProjectorMode });
    return;
  }
  const isDark = document.documentElement.dataset['mantineColorScheme'] === 'dark';
  await callOrNotify('settings.saveSettings', { ...settings, theme: isDark ? 'light' : 'dark' });
}
