/**
 * Runs before the page, in an isolated world, and gives it three functions: `window.flashgrid`. The page never sees
 * ipcRenderer, an Electron event or a channel, and can use the contract's names only. The main process checks again.
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { EventMessage } from '../contract/wire.ts';
import { CALL_CHANNEL, EVENTS_CHANNEL, SAVE_CHANNEL, TAKEN_CHANNEL } from './channels.ts';

type Listener = (payload: unknown) => void;
const listeners = new Map<string, Set<Listener>>();

/**
 * The contract's names without its schemas, since this file must stay small. The build (electron.vite.config.ts)
 * inserts them.
 */
declare const CONTRACT_NAMES: { readonly commands: readonly string[]; readonly events: readonly string[] };

function requireKnown(names: readonly string[], name: unknown): string {
  if (typeof name === 'string' && names.includes(name)) return name;
  throw new Error(`${String(name).slice(0, 64)} is not part of the contract`);
}

ipcRenderer.on(EVENTS_CHANNEL, (_ipcEvent, batch: readonly EventMessage[]) => {
  try {
    for (const { event, payload } of batch) {
      for (const listener of listeners.get(event) ?? []) listener(payload);
    }
  } finally {
    // Also after a listener that threw: without this message the main process would wait for ever.
    ipcRenderer.send(TAKEN_CHANNEL);
  }
});

contextBridge.exposeInMainWorld('flashgrid', {
  call: async (name: unknown, input: unknown): Promise<unknown> =>
    await ipcRenderer.invoke(CALL_CHANNEL, requireKnown(CONTRACT_NAMES.commands, name), input),
  on: (name: unknown, listener: Listener): (() => void) => {
    const known = requireKnown(CONTRACT_NAMES.events, name);
    const set = listeners.get(known) ?? new Set();
    listeners.set(known, set.add(listener));
    return () => void set.delete(listener);
  },
  saveFile: async (file: { fileName: string; mediaType: string; text: string }): Promise<boolean> =>
    (await ipcRenderer.invoke(SAVE_CHANNEL, file)) === true,
});

ipcRenderer.send(TAKEN_CHANNEL);
