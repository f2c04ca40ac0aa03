/**
 * Entry of the proxy's process: one for all links of a cluster. It ends when its channel to the control centre
 * closes: services whose connections break then are started anew on the direct way.
 */
import { errorText } from '../../../services/shared/error-text.ts';
import type { LinkName } from '../../../contract/links.ts';
import { LinkProxy } from './link-proxy.ts';
import { proxyRequestSchema, type ProxyReply, type ProxyRequest } from './proxy-messages.ts';

const proxies = new Map<LinkName, LinkProxy>();

process.once('disconnect', () => process.exit(0));
// The terminal's Ctrl-C reaches the control centre, which then stops its children in order.
process.on('SIGINT', () => undefined);

process.on('message', (raw) => {
  const parsed = proxyRequestSchema.safeParse(raw);
  // Only a defect could send another message. Whoever waits for its answer has a limit.
  if (!parsed.success) return void process.stderr.write(`an unknown message: ${parsed.error.message}\n`);
  const { id } = parsed.data;
  handle(parsed.data).then(send, (error: unknown) => send({ type: 'failed', id, message: errorText(error) }));
});

send({ type: 'ready' });

async function handle(request: ProxyRequest): Promise<ProxyReply> {
  const { id, link } = request;
  const proxy = proxies.get(link) ?? new LinkProxy();
  proxies.set(link, proxy);
  const ports: number[] = [];
  if (request.type === 'open')
    for (const upstream of request.upstreams) ports.push(await proxy.open(upstream));
  else if (request.type === 'apply') proxy.apply(request.fault);
  else if (request.type === 'heal') proxy.heal();
  return { type: 'done', id, effect: proxy.effect, ports };
}

function send(message: ProxyReply): void {
  if (process.connected) process.send?.(message, () => undefined);
}
