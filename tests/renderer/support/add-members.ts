/** Shows a page the cluster as a highly available one would be: every backend with three members, every service twice. */
import type { Page } from 'playwright-core';

interface Told {
  readonly backends?: Record<string, unknown>[];
  readonly services?: Record<string, unknown>[];
}

/** Puts members into whatever the page is told of the cluster; the rest stays as the control centre tells it. */
export async function addMembers(page: Page): Promise<void> {
  await page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => server.send(message));
    server.onMessage((message) => {
      const told: unknown = JSON.parse(String(message));
      visit(told);
      socket.send(JSON.stringify(told));
    });
  });
}

function visit(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { backends, services } = value as Told;
  if (Array.isArray(backends))
    for (const backend of backends)
      if (backend['state'] === 'running')
        backend['members'] = [1, 2, 3].map((place) => ({
          name: `${String(backend['role'])}-${place}`,
          state: 'running',
          port: 20_000 + place,
          isLeader: place === 2,
        }));
  if (Array.isArray(services))
    services.push(...services.map((service) => ({ ...service, id: `${String(service['role'])}-9` })));
  Object.values(value).forEach(visit);
}
