/**
 * Three RabbitMQ nodes of this machine, and one of them goes in the middle of an attack: killed, restarted in turn, or cut off from
 * the others while everybody can still reach it. Gateways and workers are those that ship, with all three URLs.
 */
import { startBrokerCluster } from './support/broker-cluster.ts';
import { survivesNodesThatGo } from './support/broker-scenarios.ts';

survivesNodesThatGo('a RabbitMQ cluster of three', startBrokerCluster);
