import type { WebContents, WebFrameMain } from 'electron';
import { describe, expect, it } from 'vitest';
import { APP_URL } from './origin.ts';
import { isTrustedSender } from './sender.ts';

const MAIN_FRAME = 7;

/** A frame and a page as far as they are looked at. */
type Looked = Pick<
  WebFrameMain,
  'url' | 'detached' | 'parent' | 'frameTreeNodeId' | 'processId' | 'routingId'
>;
const shown = { parent: null, frameTreeNodeId: MAIN_FRAME, processId: 3, routingId: 4 };
const frameOf = (over: Partial<Looked> = {}) =>
  ({ url: APP_URL, detached: false, ...shown, ...over }) as WebFrameMain;
const pageOf = (isDestroyed = false) =>
  ({ isDestroyed: () => isDestroyed, mainFrame: frameOf() }) as unknown as WebContents;

const ours = pageOf();
const isTrusted = (senderFrame: WebFrameMain | null, sender = ours) =>
  isTrustedSender({ sender, senderFrame }, ours);

describe('the sender of a message', () => {
  it('is trusted when it is the main frame of our window, on a page of ours', () => {
    expect(isTrusted(frameOf())).toBe(true);
    expect(isTrusted(frameOf({ url: `${APP_URL}#/runs/run-1` }))).toBe(true);
  });

  it.each([
    'https://outside.invalid/',
    'file:///etc/passwd',
    'data:text/html,app://flashgrid/',
    'about:blank',
    'app://flashgrid.outside.invalid/',
    'app://other/',
    'https://flashgrid/',
    'app://flashgrid:8080/',
    '',
  ])('is not when our main frame shows "%s"', (url) => {
    expect(isTrusted(frameOf({ url }))).toBe(false);
  });

  it('is not when the frame is gone, or has navigated away since it sent', () => {
    expect(isTrusted(null)).toBe(false);
    expect(isTrusted(frameOf({ processId: 2 }))).toBe(false);
    expect(isTrusted(frameOf({ routingId: 5 }))).toBe(false);
  });

  it('is trusted when Electron takes it for detached, as version 33 does after a crash', () => {
    expect(isTrusted(frameOf({ detached: true }))).toBe(true);
  });

  it('is not when it is a frame within our page, even on a page of ours', () => {
    expect(isTrusted(frameOf({ parent: frameOf(), frameTreeNodeId: 8 }))).toBe(false);
    expect(isTrusted(frameOf({ frameTreeNodeId: 8 }))).toBe(false);
  });

  it('is not when it is another window, or when ours is closed or not open yet', () => {
    expect(isTrusted(frameOf(), pageOf())).toBe(false);
    const closed = pageOf(true);
    expect(isTrustedSender({ sender: closed, senderFrame: frameOf() }, closed)).toBe(false);
    expect(isTrustedSender({ sender: ours, senderFrame: frameOf() }, undefined)).toBe(false);
  });
});
