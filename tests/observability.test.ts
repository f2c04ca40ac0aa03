/** What an operator's tools see of a gateway and a worker: the queries of dashboard and alerts, in a real Prometheus. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { findFreePorts } from '../control/lib/free-port.ts';
import { parseConfig, workerConfigSchema } from '../services/shared/config.ts';
import { ReleaseStack } from '../services/shared/release-stack.ts';
import { startWorker } from '../services/worker/worker.ts';
import { ALERT_CASES } from './support/alert-cases.ts';
import { createGatewayWorld, idOf, openSale, reserve } from './support/gateway-world.ts';
import { waitFor } from './support/worker-world.ts';

const ROOT = join(import.meta.dirname, '..');
const hasPrometheus = ['prometheus', 'promtool'].every((name) => spawnSync(name, ['--version']).status === 0);
const run = promisify(execFile);

const alertsText = readFileSync(join(ROOT, 'charts/flashgrid/files/alerts.yaml'), 'utf8');
const [{ rules }] = z
  .object({
    groups: z.tuple([
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            labels: z.record(z.string(), z.string()),
            annotations: z.record(z.string(), z.string()),
          }),
        ),
      }),
    ]),
  })
  .parse(parse(alertsText)).groups;

/** The figure of an alert, without its operator and limit. */
function figureOf(expr: string): string {
  const [, figure] = /^(.+?)\s*[<>]\s*[\d.]+$/s.exec(expr.trim()) ?? [];
  if (figure === undefined) throw new Error(`not a figure, an operator and a limit: ${expr}`);
  return figure;
}

const dashboardSchema = z.object({
  panels: z.array(
    z.object({
      title: z.string(),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]),
    }),
  ),
});

/** Every query of dashboard and alerts, by what it is for; variables as Grafana sets them for "All". */
function allQueries(): Map<string, string> {
  const { panels } = dashboardSchema.parse(
    JSON.parse(readFileSync(join(ROOT, 'charts/flashgrid/files/dashboard.json'), 'utf8')),
  );
  const queries = panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }): [string, string] => [
      `${title}, ${legendFormat}`,
      expr.replaceAll('$__rate_interval', '10s').replace(/\$(?:gateway|worker)/g, '.+'),
    ]),
  );
  // What scales workers; `$pods` chooses those of one release.
  const worker = readFileSync(join(ROOT, 'charts/flashgrid/templates/worker.yaml'), 'utf8');
  const scaling = [...worker.matchAll(/ query: (?:>-)?([\s\S]*?)(?=\n    - type|\n\{\{- end)/g)].map(
    ([, query = ''], at): [string, string] => [
      `KEDA's trigger ${at + 1}`,
      query.replaceAll('{ {{- $pods -}} }', ''),
    ],
  );
  expect(scaling).toHaveLength(2);
  // The windows of an attack are seconds, those of an alert minutes: a shorter one asks for the same.
  return new Map([
    ...queries,
    ...scaling,
    ...rules.map(({ alert, expr }): [string, string] => [alert, figureOf(expr)]),
  ]);
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** Labels as a template of an annotation shows them. */
const filled = (template: string, labels: Readonly<Record<string, string>>): string =>
  template.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '');

describe.skipIf(!hasPrometheus)('metrics, dashboard and alerts', () => {
  const undo = new ReleaseStack();
  let dir = '';
  let prometheusUrl = '';
  const world = createGatewayWorld();
  let attack: () => Promise<void>;

  beforeAll(async () => {
    const { environment, gateway: startGateway, release } = await world;
    undo.add('world', release, 30_000);
    const gateway = await startGateway();
    const worker = await startWorker(parseConfig(workerConfigSchema, environment), {
      log: pino({ level: 'silent' }),
      hasProcessMetrics: true,
    });
    undo.add('worker', () => worker.stop(), 15_000);
    const saleId = await openSale(gateway, { stock: 50 });
    let buyer = 0;
    attack = async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => reserve(gateway, { saleId, userId: `u${buyer++}` })),
      );
      expect(answers.every(({ status }) => status === 202)).toBe(true);
    };

    dir = await mkdtemp(join(tmpdir(), 'flashgrid-prometheus-'));
    undo.add('folder', () => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'alerts.yaml'), alertsText);
    // That of the compose file, with addresses in place of Docker's DNS, and at its quickest.
    const config = parse(readFileSync(join(ROOT, 'docker/observability/prometheus.yml'), 'utf8')) as {
      global: object;
      scrape_configs: { job_name: string }[];
    };
    const ports: Readonly<Record<string, number>> = {
      'flashgrid-gateway': gateway.port,
      'flashgrid-worker': worker.port,
    };
    const local = {
      ...config,
      global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
      scrape_configs: config.scrape_configs.map(({ job_name }) => ({
        job_name,
        static_configs: [{ targets: [`127.0.0.1:${ports[job_name]}`] }],
      })),
    };
    await writeFile(join(dir, 'local.yml'), stringify(local));
    const [port] = await findFreePorts(1);
    prometheusUrl = `http://127.0.0.1:${port}`;
    const prometheus = spawn(
      'prometheus',
      [
        `--config.file=${join(dir, 'local.yml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => prometheus.once('exit', resolve));
    undo.add('prometheus', () => {
      prometheus.kill('SIGKILL');
      return ended;
    });
    await waitFor('Prometheus', () =>
      fetch(`${prometheusUrl}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  });
  afterAll(() => undo.release());

  async function ask(query: string): Promise<number[]> {
    const url = `${prometheusUrl}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`Prometheus refuses ${query}: ${await response.text()}`);
    return answerSchema.parse(await response.json()).data.result.map(({ value }) => Number(value[1]));
  }

  it('answers every query of the dashboard and every figure of an alert while a sale runs', async () => {
    const queries = allQueries();
    expect(queries.size).toBeGreaterThan(40);
    const empty = new Set(queries.keys());
    await waitFor(
      'a figure for each query',
      async () => {
        await attack();
        for (const name of empty) {
          const figures = await ask(queries.get(name) ?? '');
          if (figures.length > 0 && figures.every((figure) => !Number.isNaN(figure))) empty.delete(name);
        }
        return empty.size === 0;
      },
      60_000,
    ).catch((error: unknown) => {
      throw new Error(`no figure for: ${[...empty].join('; ')}`, { cause: error });
    });
    expect(await ask('sum(flashgrid_gateway_backend_up) + sum(flashgrid_worker_backend_up)')).toEqual([6]);
    expect(await ask('flashgrid_gateway_accepted_total > 0')).toHaveLength(1);
    // A healthy sale raises no alert.
    expect(await ask('ALERTS')).toEqual([]);
  });

  it('counts the messages that wait in the queue', async () => {
    const { channel, queue, namespace } = await world;
    // Of this namespace no worker takes anything.
    const { url } = await (await world).gateway({ FLASHGRID_NAMESPACE: `${namespace}-2` });
    const metrics = async () => await (await fetch(`${url}/metrics`)).text();
    const other = `${queue.slice(0, queue.indexOf('.'))}-2${queue.slice(queue.indexOf('.'))}`;
    channel.sendToQueue(other, Buffer.from('x'), { persistent: true });
    channel.sendToQueue(other, Buffer.from('x'), { persistent: true });
    await waitFor('two messages', async () =>
      (await metrics()).includes('flashgrid_gateway_queue_messages 2\n'),
    );
    await channel.deleteQueue(other);
    expect(await metrics()).toContain('flashgrid_gateway_queue_messages Nan\n');
  });

  it('gives the compose file’s Prometheus a configuration that promtool takes', async () => {
    await copyFile(join(ROOT, 'docker/observability/prometheus.yml'), join(dir, 'prometheus.yml'));
    const { stdout } = await run('promtool', ['check', 'config', join(dir, 'prometheus.yml')]);
    expect(stdout).toContain(`${rules.length} rules found`);
  });

  it('lets each alert come, and not before its time', async () => {
    expect(Object.keys(ALERT_CASES)).toEqual(rules.map(({ alert }) => alert));
    const tests = rules.map(({ alert, labels: ownLabels, annotations }) => {
      const { series, labels, quietAt, firesAt } = ALERT_CASES[alert]!;
      const exp_annotations = Object.fromEntries(
        Object.entries(annotations).map(([name, template]) => [name, filled(template, labels)]),
      );
      const exp_alerts = [{ exp_labels: { ...ownLabels, ...labels }, exp_annotations }];
      return {
        name: alert,
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [
          { eval_time: quietAt, alertname: alert, exp_alerts: [] },
          { eval_time: firesAt, alertname: alert, exp_alerts },
        ],
      };
    });
    const file = join(dir, 'alerts.test.yaml');
    await writeFile(file, stringify({ rule_files: ['alerts.yaml'], evaluation_interval: '30s', tests }));
    const outcome = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
    expect(outcome.stdout, outcome.stderr).toContain('SUCCESS');
  });
});

const valueSchema = z.union([
  z.object({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.object({ intValue: z.coerce.number() }).transform(({ intValue }) => intValue),
  z.object({ boolValue: z.boolean() }).transform(({ boolValue }) => boolValue),
]);
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, value])));
const linkSchema = z.object({ traceId: z.string(), spanId: z.string() });
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(''),
  name: z.string(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: attributesSchema,
  links: z.array(linkSchema).default([]),
  status: z.object({ code: z.number().default(0) }),
});
/** What OTLP/HTTP sends as JSON to /v1/traces. */
const tracesSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});
type ReceivedSpan = z.infer<typeof spanSchema> & { service: unknown };

/** A receiver of traces on a free port. */
async function startReceiver(undo: ReleaseStack): Promise<{ url: string; spans: ReceivedSpan[] }> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      expect(request.url).toBe('/v1/traces');
      for (const { resource, scopeSpans } of tracesSchema.parse(JSON.parse(body)).resourceSpans)
        for (const one of scopeSpans.flatMap((scope) => scope.spans))
          spans.push({ ...one, service: resource.attributes['service.name'] });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo.add('receiver', () => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, spans };
}

describe('traces', () => {
  const undo = new ReleaseStack();
  afterAll(() => undo.release());

  it('show a reservation whole: request, frame, Lua, commit and outcome, with a link to its frame', async () => {
    const { url, spans } = await startReceiver(undo);
    const { environment, gateway: startGateway, release } = await createGatewayWorld();
    undo.add('world', release, 30_000);
    const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: url, FLASHGRID_TRACE_EVERY: '1000' };
    const gateway = await startGateway(traced);
    const worker = await startWorker(parseConfig(workerConfigSchema, { ...environment, ...traced }), {
      log: pino({ level: 'silent' }),
    });
    undo.add('worker', () => worker.stop(), 15_000);
    const saleId = await openSale(gateway, { stock: 50 });
    const [ours, theirs] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
    const parent = (flags: string) => ({ traceparent: `00-${ours}-${theirs}-${flags}` });
    const buy = (userId: string, headers = {}) => reserve(gateway, { saleId, userId }, headers);
    // The first of a thousand, one whose client traces it on each way into the gateway, one whose client does not, one rejected.
    const answers = await Promise.all([
      buy('first'),
      buy('client', parent('01')),
      // A field of its own sends it the long way, through Node's HTTP server.
      buy('client-2', { ...parent('01'), 'x-name': 'é' }),
      buy('unsampled', parent('00')),
      buy('second'),
      reserve(gateway, { saleId, userId: '' }, parent('01')),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 400]);
    const requests = () => spans.filter(({ name }) => name === 'POST /reserve');
    const outcomes = () => spans.filter(({ name }) => name === 'publish outcome');
    const frames = () => spans.filter(({ name }) => name === 'publish frames');
    const processed = () => spans.filter(({ name }) => name === 'process frame');
    await waitFor(
      'all spans',
      () =>
        requests().length === 4 &&
        frames().length > 0 &&
        processed().length === frames().length &&
        outcomes().length === frames().length,
    );
    const ids = requests().map(({ attributes }) => attributes['flashgrid.reservation.id']);
    expect(ids).toEqual(expect.arrayContaining([0, 1, 2].map((at) => idOf(answers[at]!))));
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    for (const request of requests()) {
      const { attributes, links, traceId, parentSpanId } = request;
      if (parentSpanId !== '') expect([traceId, parentSpanId]).toEqual([ours, theirs]);
      if (attributes['http.response.status_code'] === 400) {
        expect(links).toEqual([]);
        continue;
      }
      const frame = byId.get(links[0]?.spanId ?? '');
      expect(frame).toMatchObject({ name: 'publish frames', service: 'flashgrid-gateway' });
      expect(frame?.attributes).toMatchObject({ 'flashgrid.end': 'confirmed' });
    }
    for (const frame of frames()) {
      // Below the first sampled reservation that it holds, and so in its trace.
      expect(byId.get(frame.parentSpanId)).toMatchObject({ name: 'POST /reserve', traceId: frame.traceId });
      const work = processed().find(({ parentSpanId }) => parentSpanId === frame.spanId);
      expect(work).toMatchObject({ traceId: frame.traceId, service: 'flashgrid-worker' });
      const steps = spans.filter(({ parentSpanId }) => parentSpanId === work?.spanId);
      expect(steps.map(({ name }) => name)).toEqual([
        'decide-frame.lua',
        'INSERT tickets',
        'publish outcome',
      ]);
      for (const [at, step] of steps.slice(1).entries())
        expect(step.startTimeUnixNano).toBeGreaterThanOrEqual(steps[at]?.startTimeUnixNano ?? 0n);
      expect(work?.attributes).toMatchObject({
        'messaging.message.id': frame.attributes['messaging.message.id'],
      });
      expect(work?.status.code).toBe(0);
    }
    // Nobody's name leaves.
    expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toMatch(/first|client|unsampled/);
  });

  it('cost a sale nothing when nobody takes them', async () => {
    const { gateway: startGateway, release } = await createGatewayWorld();
    undo.add('world without a receiver', release, 30_000);
    const [port] = await findFreePorts(1);
    const gateway = await startGateway({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      FLASHGRID_TRACE_EVERY: '1',
    });
    const saleId = await openSale(gateway);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => reserve(gateway, { saleId, userId: `u${at}` })),
    );
    expect(answers.every(({ status }) => status === 202)).toBe(true);
  });
});
