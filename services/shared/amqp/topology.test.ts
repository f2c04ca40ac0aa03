import type { ChannelModel } from 'amqplib';
import { expect, it } from 'vitest';
import { declareQueue } from './topology.ts';

/** What RabbitMQ 3.10 says of a queue that was declared with another size, by the size that it has. */
const REFUSALS: readonly (readonly [number | undefined, string])[] = [
  [undefined, "received the value '5' of type 'byte' but current is none"],
  [3, "received '5' but current is '3'"],
  [3, "received none but current is the value '3' of type 'byte'"],
];

function broker(refuse: (size: unknown) => string | undefined) {
  const declared: unknown[] = [];
  const channel = {
    on: () => undefined,
    close: () => Promise.resolve(),
    assertQueue: (_: string, options: { arguments: Record<string, unknown> }) => {
      const size = options.arguments['x-quorum-initial-group-size'];
      declared.push(size);
      const refusal = refuse(size);
      return refusal === undefined
        ? Promise.resolve()
        : Promise.reject(
            Object.assign(new Error(`PRECONDITION_FAILED - inequivalent arg ${refusal}`), { code: 406 }),
          );
    },
  };
  return {
    declared,
    connection: { createChannel: () => Promise.resolve(channel) } as unknown as ChannelModel,
  };
}

it.each(REFUSALS)('declares a queue that was born with %s members as it is', async (born, said) => {
  const { connection, declared } = broker((size) =>
    size === born ? undefined : `'x-quorum-initial-group-size' for queue 'q' in vhost '/': ${said}`,
  );
  expect(await declareQueue(connection, 'q', {}, 5)).toBe(born);
  expect(declared).toEqual([5, born]);
});

it('hides no other difference', async () => {
  const { connection, declared } = broker(
    () => "'x-delivery-limit' for queue 'q' in vhost '/': received '1' but current is none",
  );
  await expect(declareQueue(connection, 'q', {}, 5)).rejects.toThrow('x-delivery-limit');
  expect(declared).toEqual([5]);
});

it('says nothing of members when it knows of one node', async () => {
  const { connection, declared } = broker(() => undefined);
  await declareQueue(connection, 'q', {}, undefined);
  expect(declared).toEqual([undefined]);
});
