/** What Electron's preload puts on `window`; absent in a browser. */
export interface FlashgridBridge {
  call(name: string, input: unknown): Promise<unknown>;
  on(name: string, listener: (payload: unknown) => void): () => void;
  /** A native save dialog; resolves to whether the file was saved. */
  saveFile?(file: { fileName: string; mediaType: string; text: string }): Promise<boolean>;
}

declare global {
  interface Window {
    readonly flashgrid?: FlashgridBridge;
  }
}
