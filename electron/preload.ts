/**
 * Runs before the page, in a world of its own, and gives it three functions: `window.flashgrid`. The page never sees ipcRenderer, an Electron
 * event or a channel's name, and can name nothing but what the contract names. The main process checks everything again.
 */
import { contextBridge, ipcRenderer } from 'electron';
import { CALL_CHANNEL, EVENTS_CHANNEL, SAVE_CHANNEL, TAKEN_CHANNEL, type EventMessage } from './channels.ts';
import { COMMAND_NAMES, EVENT_NAMES } from './contract-names.ts';

type Listener = (payload: unknown) => void;
const listeners = new Map<string, Set<Listener>>();

function requireKnown(names: object, name: unknown): string {
  if (typeof name === 'string' && Object.hasOwn(names, name)) return name;
  throw new Error(`${String(name).slice(0, 64)} is not part of the contract`);
}

ipcRenderer.on(EVENTS_CHANNEL, (_event, batch: readonly EventMessage[]) => {
  try {
    for (const [name, payload] of batch) {
      for (const listener of listeners.get(name) ?? []) listener(payload);
    }
  } finally {
    // Also after a listener that threw: without this word the main process would wait for ever.
    ipcRenderer.send(TAKEN_CHANNEL);
  }
});

contextBridge.exposeInMainWorld('flashgrid', {
  call: async (name: unknown, input: unknown): Promise<unknown> =>
    await ipcRenderer.invoke(CALL_CHANNEL, requireKnown(COMMAND_NAMES, name), input),
  on: (name: unknown, listener: Listener): (() => void) => {
    const known = requireKnown(EVENT_NAMES, name);
    const set = listeners.get(known) ?? new Set();
    listeners.set(known, set.add(listener));
    return () => void set.delete(listener);
  },
  saveFile: async (file: { fileName: string; mediaType: string; text: string }): Promise<boolean> =>
    (await ipcRenderer.invoke(SAVE_CHANNEL, file)) === true,
});

ipcRenderer.send(TAKEN_CHANNEL);
