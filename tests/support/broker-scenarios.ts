/** What a cluster of three RabbitMQ nodes must bear in the middle of an attack, on any version and however its nodes run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttackOutcome } from '../../control/attack/runner/attack-runner.ts';
import { connectBroker } from '../../services/shared/amqp/broker-nodes.ts';
import { declareTopology } from '../../services/shared/amqp/topology.ts';
import type { BrokerCluster } from './broker-cluster.ts';
import { Fleet, expectChecks, type Incident } from './fleet.ts';
import { expectTaken } from './expect-taken.ts';

/** ms in which nobody may be without a broker. */
const OUTAGE_LIMIT_MS = 10_000;
const RATE = 300;

/** Longest time between two buyers that were accepted. */
function longestOutageMs({ ledger }: AttackOutcome): number {
  const moments: number[] = [];
  for (let index = 0; index < ledger.count; index++)
    if (ledger.status(index) === 'accepted') moments.push(ledger.answeredAtMs(index));
  moments.sort((a, b) => a - b);
  return Math.max(...moments.map((moment, at) => moment - (moments[at - 1] ?? 0)));
}

export function survivesNodesThatGo(title: string, start: () => Promise<BrokerCluster>): void {
  describe(title, () => {
    let cluster: BrokerCluster;
    let fleet: Fleet;
    let sales = 0;

    beforeAll(async () => {
      cluster = await start();
      fleet = await Fleet.open({ gateways: 2, workers: 2, backends: { amqpUrl: cluster.urls } });
    });
    afterAll(async () => {
      await fleet?.close();
      await cluster?.close();
    });

    /** Attacks for `durationSec`; a second after its beginning `act` begins. */
    async function attackedWhile(durationSec: number, act: Incident['act']): Promise<void> {
      const sale = { id: `sale-${++sales}`, stock: 2 * RATE, perBuyerLimit: 1 };
      await fleet.openSale(sale);
      const outcome = await fleet.attack(
        sale.id,
        { profile: 'sustained', ratePerSec: RATE, durationSec, connections: 50, stock: sale.stock },
        [{ afterAnswers: RATE, act }],
      );
      const { load } = outcome;
      const outageMs = longestOutageMs(outcome);
      console.info(
        `${expect.getState().currentTestName}: ${load.accepted} accepted, ${JSON.stringify(load.causes)}; longest outage ${Math.round(outageMs)} ms`,
      );
      expect(outageMs, fleet.log.join('\n')).toBeLessThan(OUTAGE_LIMIT_MS);
      // Nothing but 202 and 503.
      expect(load.accepted + (load.statusCounts['503'] ?? 0)).toBe(RATE * durationSec);
      const found = await fleet.audit(sale, outcome);
      expectChecks(found);
      expect(found).toMatchObject({ sold: sale.stock, pending: 0, lost: 0, oversold: 0 });
      expect(await fleet.queued()).toEqual({ waiting: 0, dead: 0 });
    }

    it('holds a member of each queue on each node; a queue of an earlier version keeps its members and its frames', async () => {
      const all = cluster.nodes.map(({ name }) => name);
      expect(await cluster.membersOf(fleet.queue)).toEqual(all);
      const connection = await connectBroker(cluster.urls, { timeout: 5_000 });
      // As a version for one node declared it, on a cluster whose nodes came later.
      const { queue } = await declareTopology(connection, 'born-alone', cluster.nodes[0]?.url ?? '');
      const channel = await connection.createConfirmChannel();
      channel.sendToQueue(queue, Buffer.from('kept'), { persistent: true });
      await channel.waitForConfirms();
      await declareTopology(connection, 'born-alone', cluster.urls);
      await declareTopology(connection, fleet.namespace, cluster.nodes[0]?.url ?? '');
      expect(await channel.get(queue)).toMatchObject({ content: Buffer.from('kept') });
      await connection.close();
    });

    it('loses nothing when the node of the leader is killed, and then all are restarted in turn', async () => {
      const leader = await cluster.leaderOf(fleet.queue);
      await attackedWhile(24, async () => {
        await leader.end('SIGKILL');
        await leader.start();
        for (const node of cluster.nodes) {
          if (node === leader) continue;
          await node.end('SIGTERM');
          await node.start();
        }
      });
      expectTaken(fleet.supervisor.totals.coverage(), 'gatewayReconnected', 'workerReconnected');
    });

    it('loses nothing when the node of the leader is cut off from the others', async () => {
      const leader = await cluster.leaderOf(fleet.queue);
      await attackedWhile(8, () => cluster.cutOff(leader));
    });
  });
}
