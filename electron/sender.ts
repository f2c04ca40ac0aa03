/** Who may speak over IPC: the main frame of our window, showing our page. */
import type { WebContents, WebFrameMain } from 'electron';
import { isAppUrl } from './origin.ts';

export interface Sender {
  readonly sender: WebContents;
  /** Null when the frame has navigated away or is gone since it sent. */
  readonly senderFrame: WebFrameMain | null;
}

/** Whether a message comes from the page that we loaded into our own window, and from no frame within it. */
export function isTrustedSender({ sender, senderFrame }: Sender, ours: WebContents | undefined): boolean {
  if (!ours || ours.isDestroyed() || sender !== ours || senderFrame === null) return false;
  const { mainFrame } = ours;
  // Not `detached`: Electron 33 says so of the very frame that is shown after the page's process crashed. Of a frame that has been
  // navigated away from, the process or its number in there is another one.
  return (
    senderFrame.parent === null &&
    senderFrame.frameTreeNodeId === mainFrame.frameTreeNodeId &&
    senderFrame.processId === mainFrame.processId &&
    senderFrame.routingId === mainFrame.routingId &&
    isAppUrl(senderFrame.url)
  );
}
