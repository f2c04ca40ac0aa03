/**
 * What services measure, they measure by the monotonic clock: the wall clock may be set while they run. It is asked
 * only where a time of day is told to others.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Where it is asked, and for what. */
const TIMES_OF_DAY: Readonly<Record<string, string>> = {
  'gateway/frame-collector.ts': 'when a frame was closed',
  'gateway/live-updates.ts': 'when a sale was read, for its page',
  'gateway/fast-path/reply-heads.ts': 'the field Date',
  'gateway/health.ts': 'since when a backend is as it is',
  'gateway/problems.ts': 'the same',
  'worker/worker.ts': 'the same',
  'worker/frame-processor.ts': 'the age of a frame; a repeat is looked at in any case',
  'shared/backend-trouble.ts': 'since when a backend is as it is',
  'shared/backend-watch.ts': 'the same, and the value of a key that nobody reads',
  'shared/amqp/broker-connection.ts': 'since when RabbitMQ is as it is',
  'shared/service-process.ts': 'when a sample was taken',
  'shared/moved-clock.ts': 'moves it',
};

it('asks for the time of day only where it is told', () => {
  const asking = readdirSync('services', { recursive: true, encoding: 'utf8' })
    .filter((path) => /(?<!\.test)\.ts$/.test(path))
    .filter((path) => /\bDate\b[.;]|new Date\b/.test(readFileSync(`services/${path}`, 'utf8')));
  expect(asking.sort()).toEqual(Object.keys(TIMES_OF_DAY).sort());
});
