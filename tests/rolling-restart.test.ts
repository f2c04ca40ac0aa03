/**
 * Everything is replaced while buyers buy, as a rolling update does it: SIGTERM to one gateway and one worker after the other, behind
 * HAProxy with the configuration that ships.
 */
import { connect } from 'socket.io-client';
import { afterAll, describe, expect, it } from 'vitest';
import { Fleet, expectChecks } from './support/fleet.ts';
import { idOf, reserve } from './support/gateway-world.ts';
import { startLoadBalancer, type LoadBalancer } from './support/load-balancer.ts';
import { waitFor } from './support/worker-world.ts';

const REQUESTS = 12_000;
const GATEWAYS = 2;
const WORKERS = 2;
/** Half of what docker/compose.yaml and the chart set, as HAProxy's checks come twice as often here: more than it takes to notice. */
const DRAIN = { FLASHGRID_DRAIN_MS: '2500' };

let fleet: Fleet;
afterAll(() => fleet.close());

/** Ends a service as Kubernetes does, and waits until its successor serves. */
async function replace(id: string, balancer: LoadBalancer): Promise<void> {
  const state = () => fleet.supervisor.states().find((one) => one.id === id);
  const before = state();
  if (before?.pid === undefined) throw new Error(`${id} does not run`);
  process.kill(before.pid, 'SIGTERM');
  await waitFor(`the successor of ${id}`, async () => {
    const now = state();
    return now?.state === 'running' && now.pid !== before.pid && (await balancer.serving()) === GATEWAYS;
  });
}

/** A buyer of many reservations, who asks by HTTP and hears by Socket.IO; joins again when the connection is a new one. */
function startBuyer(balancer: LoadBalancer, saleId: string) {
  const open = new Set<string>();
  const outcomes: Record<string, unknown>[] = [];
  const sales: Record<string, unknown>[] = [];
  const socket = connect(balancer.url, { forceNew: true, reconnectionDelayMax: 500 });
  let connections = 0;
  socket.on('connect', () => {
    connections++;
    for (const room of [`sale:${saleId}`, ...[...open].map((id) => `reservation:${id}`)])
      socket.emit('join', room);
  });
  socket.on('sale', (event: Record<string, unknown>) => sales.push(event));
  socket.on('outcome', (outcome: Record<string, unknown>) => {
    if (open.delete(String(outcome['reservationId']))) outcomes.push(outcome);
  });
  const ids: string[] = [];
  let asked = 0;
  let isDone = false;
  const asking = (async () => {
    while (!isDone) {
      const id = idOf(await reserve(balancer, { saleId, userId: `fan-${asked++}` }));
      ids.push(id);
      open.add(id);
      if (socket.connected) socket.emit('join', `reservation:${id}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    ids,
    outcomes,
    sales,
    connections: () => connections,
    /** Resolves when the last answer is there; rejects when one was no acceptance. */
    end: async (): Promise<void> => {
      isDone = true;
      await asking;
    },
    leave: () => socket.disconnect(),
  };
}

describe('a rolling restart of all gateways and workers', () => {
  it('loses no request, no reservation and no outcome', async () => {
    const sale = { id: 'rolling', stock: REQUESTS, perBuyerLimit: 1 };
    const fanSale = { id: 'fans', stock: 5_000 };
    fleet = await Fleet.open({ gateways: GATEWAYS, workers: WORKERS, env: DRAIN });
    const services = fleet.supervisor.states();
    const ports = services.filter(({ role }) => role === 'gateway').map(({ port }) => port ?? 0);
    const balancer = await startLoadBalancer(ports);
    fleet.onClose('load balancer', () => balancer.close());
    await Promise.all([fleet.openSale(sale), fleet.openSale(fanSale)]);
    const buyer = startBuyer(balancer, fanSale.id);
    fleet.onClose('buyer', () => buyer.leave());
    await waitFor('the buyer to be told', () => buyer.outcomes.length > 0);

    const order: string[] = [];
    const outcome = await fleet.attack(
      sale.id,
      { profile: 'sustained', ratePerSec: 400, durationSec: 30, connections: 60, stock: REQUESTS },
      [
        {
          afterAnswers: 200,
          act: async () => {
            for (const { id } of services) await replace(id, balancer);
            order.push('replaced');
          },
        },
        { afterAnswers: REQUESTS - 200, act: () => order.push('almost over') },
      ],
      [balancer.url, balancer.tcpUrl],
    );
    await buyer.end();
    // It all fell into the attack, or the rest proves nothing.
    expect(order).toEqual(['replaced', 'almost over']);
    expect(fleet.supervisor.states().map(({ restarts }) => restarts)).toEqual(services.map(() => 1));

    // No request got anything but 202: not even one 503.
    expect(outcome.load).toMatchObject({ sent: REQUESTS, accepted: REQUESTS, rejected: 0, unknown: 0 });
    const found = await fleet.audit(sale, outcome);
    expectChecks(found);
    expect(found).toMatchObject({ sold: REQUESTS, pending: 0, lost: 0, duplicated: 0, oversold: 0 });

    // Old and new gateways made ids of their own.
    const tickets = await fleet.tickets(sale.id);
    const makers = new Set(tickets.map(({ reservation_id }) => reservation_id.split(/[.-]/)[1]));
    expect(makers.size).toBe(2 * GATEWAYS);

    // Whoever waits hears from the gateway that is there now, whichever took the reservation.
    await waitFor('the buyer’s outcomes', () => buyer.outcomes.length === buyer.ids.length);
    expect(buyer.outcomes.every(({ status }) => status === 'granted')).toBe(true);
    expect(buyer.connections()).toBeGreaterThan(1);
    await waitFor('the last figures', () => buyer.sales.at(-1)?.['decided'] === buyer.ids.length);
  });
});
