import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { recoverRenderer } from './renderer-recovery.ts';

/** A window whose page only counts what is done to it. */
function makeWorld(answer = 0) {
  const done = { reloads: 0, crashes: 0, gone: 0, quits: 0, asked: [] as string[] };
  const webContents = Object.assign(new EventEmitter(), {
    reload: () => done.reloads++,
    forcefullyCrashRenderer: () => done.crashes++,
  });
  recoverRenderer({
    window: { webContents, isDestroyed: () => false } as never,
    dialog: {
      showMessageBox: (async (_window: unknown, { message }: { message: string }) => {
        done.asked.push(message);
        return { response: answer, checkboxChecked: false };
      }) as never,
    },
    onGone: () => done.gone++,
    onQuitAsked: () => done.quits++,
    log: () => undefined,
  });
  const crash = async (reason = 'crashed') => {
    webContents.emit('render-process-gone', {}, { reason, exitCode: 5 });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { done, crash, webContents };
}

describe('recoverRenderer', () => {
  it('loads a crashed page anew', async () => {
    const { done, crash } = makeWorld();
    await crash();
    await crash('oom');
    expect(done).toMatchObject({ reloads: 2, gone: 2, asked: [] });
  });
  it('leaves a page alone that ended as it should', async () => {
    const { done, crash } = makeWorld();
    await crash('clean-exit');
    expect(done).toMatchObject({ reloads: 0, gone: 0 });
  });
  it('does not crash for ever: after three times it asks', async () => {
    const { done, crash } = makeWorld(1);
    for (let time = 0; time < 4; time++) await crash();
    expect(done).toMatchObject({ reloads: 3, asked: ['The window keeps failing.'], quits: 1 });
  });
  it('tries again when the person wants it', async () => {
    const { done, crash } = makeWorld(0);
    for (let time = 0; time < 5; time++) await crash();
    expect(done).toMatchObject({ reloads: 5, quits: 0 });
    expect(done.asked).toHaveLength(1);
  });
  it('ends a page that hangs, if the person does not want to wait', async () => {
    const waiting = makeWorld(0);
    const impatient = makeWorld(1);
    for (const { webContents } of [waiting, impatient]) webContents.emit('unresponsive');
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.done.crashes).toBe(0);
    expect(impatient.done.crashes).toBe(1);
  });
});
