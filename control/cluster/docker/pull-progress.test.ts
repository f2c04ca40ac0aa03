import { describe, expect, test } from 'vitest';
import { PullProgress, type PullMessage } from './pull-progress.ts';

const downloading = (id: string, current: number, total: number): PullMessage => ({
  id,
  status: 'Downloading',
  progressDetail: { current, total },
});

describe('the progress of a pull', () => {
  test('has no total while a layer has not told its size', () => {
    const progress = new PullProgress();
    progress.add({ id: '8-alpine', status: 'Pulling from library/redis' }, 0);
    expect(progress.describe()).toBe('asking the registry');
    progress.add({ id: 'a', status: 'Pulling fs layer' }, 0);
    progress.add({ id: 'b', status: 'Waiting' }, 0);
    progress.add(downloading('a', 10, 100), 0);
    expect(progress.progress()).toEqual({ doneBytes: 10 });
    progress.add(downloading('b', 5, 50), 1_000);
    expect(progress.progress()).toMatchObject({ doneBytes: 15, totalBytes: 150 });
    expect(progress.describe()).toBe('downloading: 0 of 2 layers ready');
  });

  test('counts a finished layer in full, and one that is here already as nothing', () => {
    const progress = new PullProgress();
    progress.add({ id: 'old', status: 'Already exists' }, 0);
    progress.add(downloading('new', 40, 100), 0);
    progress.add({ id: 'new', status: 'Download complete' }, 1);
    expect(progress.describe()).toBe('unpacking: 1 of 2 layers ready');
    // Unpacking tells bytes of its own: they are not downloaded twice.
    progress.add({ id: 'new', status: 'Extracting', progressDetail: { current: 3, total: 100 } }, 2);
    progress.add({ id: 'new', status: 'Pull complete' }, 3);
    expect(progress.progress()).toMatchObject({ doneBytes: 100, totalBytes: 100 });
    expect(progress.describe()).toBe('unpacking: 2 of 2 layers ready');
  });

  test('takes the size of a layer that came between two messages from its unpacking', () => {
    const progress = new PullProgress();
    progress.add({ id: 'quick', status: 'Download complete' }, 0);
    expect(progress.progress()).toMatchObject({ doneBytes: 0, totalBytes: 0 });
    progress.add({ id: 'quick', status: 'Extracting', progressDetail: { current: 3, total: 70 } }, 1);
    progress.add({ id: 'quick', status: 'Pull complete' }, 2);
    expect(progress.progress()).toMatchObject({ doneBytes: 70, totalBytes: 70 });
  });

  test('measures the speed over the last seconds, not since the beginning', () => {
    const progress = new PullProgress();
    for (let second = 0; second <= 10; second++)
      progress.add(downloading('a', second * 1_000, 1_000_000), second * 1_000);
    expect(progress.progress().bytesPerSec).toBe(1_000);
    for (let second = 11; second <= 20; second++)
      progress.add(downloading('a', 10_000 + (second - 10) * 5_000, 1_000_000), second * 1_000);
    expect(progress.progress().bytesPerSec).toBe(5_000);
  });
});
