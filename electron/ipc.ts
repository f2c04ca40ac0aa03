/** The contract over IPC: checks the sender and the message, then lets the control centre check name and input. */
import type { IpcMain } from 'electron';
import { z } from 'zod';
import type { Result } from '../contract/contract.ts';
import type { ExportedFile } from '../contract/export-formats.ts';
import { MAX_REQUEST_BYTES } from '../contract/wire.ts';
import { CALL_CHANNEL, SAVE_CHANNEL, TAKEN_CHANNEL } from './channels.ts';
import type { Sender } from './sender.ts';
import type { FailureCode } from '../contract/failures.ts';

/** Most characters of a file that the window may save: far above the largest report. */
const MAX_FILE_CHARS = 256 * 1024 * 1024;

const fileSchema = z.strictObject({
  fileName: z.string().min(1).max(200),
  mediaType: z.string().max(100),
  text: z.string().max(MAX_FILE_CHARS),
  isBase64: z.boolean().optional(),
});

export interface IpcOptions {
  readonly centre: { dispatch(name: string, input: unknown): Promise<Result<unknown>> };
  isTrusted(sender: Sender): boolean;
  /** Asks where to save the file. Resolves to whether it was saved. */
  saveFile(file: ExportedFile): Promise<boolean>;
  /** The window is ready for more events. */
  onTaken(): void;
  onRefused(what: string): void;
}

/** Handles the channels of the contract. Returns the function that stops it. */
export function serveIpc(ipcMain: IpcMain, options: IpcOptions): () => void {
  const isTrusted = (sender: Sender, channel: string): boolean => {
    let isOurs = false;
    try {
      isOurs = options.isTrusted(sender);
    } catch {
      // A frame that goes away meanwhile throws: it is not trusted.
    }
    if (!isOurs) options.onRefused(`a message on ${channel} from ${senderUrl(sender)}`);
    return isOurs;
  };
  ipcMain.handle(CALL_CHANNEL, async (event, name: unknown, input: unknown): Promise<Result<unknown>> => {
    if (!isTrusted(event, CALL_CHANNEL))
      return refused('ipc.refusedSender', 'This page may not use the control centre.');
    if (typeof name !== 'string' || !isSmallJson(input))
      return refused('ipc.badMessage', 'This is not a valid request.');
    return await options.centre.dispatch(name, input);
  });
  ipcMain.handle(SAVE_CHANNEL, async (event, raw: unknown): Promise<boolean> => {
    if (!isTrusted(event, SAVE_CHANNEL)) return false;
    const file = fileSchema.safeParse(raw);
    if (!file.success) {
      options.onRefused('an invalid file');
      return false;
    }
    return await options.saveFile(file.data);
  });
  const onTaken = (event: Sender): void => {
    if (isTrusted(event, TAKEN_CHANNEL)) options.onTaken();
  };
  ipcMain.on(TAKEN_CHANNEL, onTaken);
  return () => {
    ipcMain.removeHandler(CALL_CHANNEL);
    ipcMain.removeHandler(SAVE_CHANNEL);
    ipcMain.removeListener(TAKEN_CHANNEL, onTaken);
  };
}

/** IPC can carry more than JSON (maps, buffers, cycles); the contract allows JSON only. */
function isSmallJson(input: unknown): boolean {
  try {
    const text: unknown = JSON.stringify(input);
    return typeof text === 'string' && text.length <= MAX_REQUEST_BYTES;
  } catch {
    return false;
  }
}

function refused(code: FailureCode, message: string): Result<unknown> {
  return { ok: false, error: { code, message, fix: 'Restart FlashGrid; if it happens again, report it.' } };
}

function senderUrl({ senderFrame }: Sender): string {
  try {
    return senderFrame?.url.slice(0, 200) ?? 'a frame that is gone';
  } catch {
    return 'a frame that is gone';
  }
}
