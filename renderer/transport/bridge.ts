import type { Transport } from '../../contract/client.ts';

/** What Electron's preload puts on `window`; absent in a browser. */
export interface FlashgridBridge extends Transport {
  /** A native save dialog; resolves to whether the file was saved. */
  saveFile?(file: { fileName: string; mediaType: string; text: string }): Promise<boolean>;
}

declare global {
  interface Window {
    readonly flashgrid?: FlashgridBridge;
  }
}
