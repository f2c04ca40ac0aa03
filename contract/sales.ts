/** Sales, as gateways, workers and every frontend describe them. */
export * from '../services/shared/sales.ts';
