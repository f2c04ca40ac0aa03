/** What an operator's tools see of a gateway and a worker: the queries of dashboard and alerts, in a real Prometheus. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { createGatewayWorld, openSale, reserve } from './support/gateway-world.ts';
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
  // The windows of an attack are seconds, those of an alert minutes: a shorter one asks for the same.
  return new Map([...queries, ...rules.map(({ alert, expr }): [string, string] => [alert, figureOf(expr)])]);
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** Labels as a template of an annotation shows them. */
const filled = (text: string, labels: Readonly<Record<string, string>>): string =>
  text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => labels[name] ?? '');

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
    const text = await response.text();
    if (!response.ok) throw new Error(`Prometheus refuses ${query}: ${text}`);
    return answerSchema.parse(JSON.parse(text)).data.result.map(({ value }) => Number(value[1]));
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
    const text = readFileSync(join(ROOT, 'docker/observability/prometheus.yml'), 'utf8');
    await writeFile(join(dir, 'prometheus.yml'), text);
    const { stdout } = await run('promtool', ['check', 'config', join(dir, 'prometheus.yml')]);
    expect(stdout).toContain(`${rules.length} rules found`);
  });

  it('lets each alert come, and not before its time', async () => {
    expect(Object.keys(ALERT_CASES)).toEqual(rules.map(({ alert }) => alert));
    const tests = rules.map(({ alert, labels: ownLabels, annotations }) => {
      const { series, labels, quietAt, firesAt } = ALERT_CASES[alert]!;
      const exp_annotations = Object.fromEntries(
        Object.entries(annotations).map(([name, text]) => [name, filled(text, labels)]),
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
