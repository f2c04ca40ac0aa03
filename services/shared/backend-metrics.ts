/** The metric that tells which backends serve a service. */
import { Gauge, type Registry } from 'prom-client';
import { BACKEND_ROLES } from './backend-trouble.ts';
import type { Backends } from './messages.ts';

/** Adds `flashgrid_SERVICE_backend_up`, read on request. */
export function addBackendsUp(
  registry: Registry,
  service: 'gateway' | 'worker',
  backends: () => Backends,
): void {
  new Gauge({
    name: `flashgrid_${service}_backend_up`,
    help: '1 while the backend stores what this service gives it, proven by real operations.',
    labelNames: ['backend'],
    registers: [registry],
    collect() {
      const healths = backends();
      for (const backend of BACKEND_ROLES) this.set({ backend }, healths[backend].state === 'ok' ? 1 : 0);
    },
  });
}
