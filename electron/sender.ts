/** Who may use IPC: only the main frame of our window, while it shows our page. */
import type { WebContents, WebFrameMain } from 'electron';
import { isAppUrl } from './origin.ts';

export interface Sender {
  readonly sender: WebContents;
  /** Null if the frame has navigated away or is gone. */
  readonly senderFrame: WebFrameMain | null;
}

/** Whether a message comes from our page in our window, and not from a frame within it. */
export function isTrustedSender({ sender, senderFrame }: Sender, ours: WebContents | undefined): boolean {
  if (!ours || ours.isDestroyed() || sender !== ours || senderFrame === null) return false;
  const { mainFrame } = ours;
  // Not `detached`: in Electron 33 it is true for the shown frame after the page's process crashed. A frame that was
  // navigated away from has another process or routing id.
  return (
    senderFrame.parent === null &&
    senderFrame.frameTreeNodeId === mainFrame.frameTreeNodeId &&
    senderFrame.processId === mainFrame.processId &&
    senderFrame.routingId === mainFrame.routingId &&
    isAppUrl(senderFrame.url)
  );
}
