/** What the values of the Helm chart may be: charts/flashgrid/values.schema.json is made from it, and Helm refuses anything else. */
import { z } from 'zod';

const seconds = (most: number) => z.int().min(0).max(most);
const pods = z.int().min(1).max(1_000);
const fromSecret = z.strictObject({ existingSecret: z.string(), key: z.string().min(1) });
const environment = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.union([z.string(), z.number()]));
/** Passed on to Kubernetes, which knows its fields. */
const anyObject = z.looseObject({});
const strings = z.record(z.string(), z.string());

const deployment = {
  replicas: pods,
  terminationGracePeriodSeconds: z.int().min(1).max(600),
  env: environment,
  resources: anyObject,
  nodeSelector: strings,
  tolerations: z.array(anyObject),
};

export const chartValuesSchema = z.strictObject({
  // Helm sets it for the parent of a chart.
  global: anyObject.optional(),
  image: z.strictObject({
    repository: z.string().min(1),
    tag: z.string(),
    pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']),
  }),
  imagePullSecrets: z.array(z.string().min(1)),
  engine: z.strictObject({
    namespace: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/),
    postgresSchema: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/),
    logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  }),
  backends: z.strictObject({ rabbitmq: fromSecret, redis: fromSecret, postgres: fromSecret }),
  adminToken: fromSecret,
  migration: z.strictObject({
    enabled: z.boolean(),
    ownerUrl: fromSecret,
    servicePassword: fromSecret,
    backoffLimit: z.int().min(0).max(20),
    deadlineSeconds: z.int().min(10).max(86_400),
  }),
  gateway: z.strictObject({
    ...deployment,
    autoscaling: z.strictObject({
      enabled: z.boolean(),
      minReplicas: pods,
      maxReplicas: pods,
      cpuPercent: z.int().min(1).max(100),
    }),
    hosts: z.array(z.string().regex(/^[A-Za-z0-9._-]+$|^\*$/)),
    preStopSeconds: seconds(300),
    drainMs: z.int().min(0).max(60_000),
    service: z.strictObject({
      type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer']),
      port: z.int().min(1).max(65_535),
    }),
  }),
  worker: z.strictObject({
    ...deployment,
    keda: z.strictObject({
      enabled: z.boolean(),
      minReplicas: pods,
      maxReplicas: pods,
      prometheusUrl: z.string().regex(/^(https?:\/\/.+)?$/),
      backlogPerWorker: z.int().min(1),
      oldestSeconds: z.number().positive(),
      cooldownSeconds: seconds(86_400),
    }),
  }),
  networkPolicy: z.strictObject({
    enabled: z.boolean(),
    gatewayFrom: z.array(anyObject),
    metricsFrom: z.array(anyObject),
    egressTo: z.array(anyObject),
  }),
  serviceMonitor: z.strictObject({
    enabled: z.boolean(),
    interval: z.string().regex(/^[0-9]+(ms|s|m)$/),
    labels: strings,
  }),
  dashboard: z.strictObject({ enabled: z.boolean(), labels: strings }),
  alerts: z.strictObject({ enabled: z.boolean(), labels: strings }),
  podAnnotations: strings,
  podLabels: strings,
});

/** Each value of values.yaml: its path, its default as YAML, and the comment above it. */
export function chartValueRows(text: string, parse: (text: string) => unknown): (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  const path: string[] = [];
  let about = '';
  for (const line of text.split('\n')) {
    const comment = /^ *# (?:-- )?(.*)$/.exec(line);
    if (comment) about = line.includes('# -- ') ? (comment[1] ?? '') : '';
    const entry = /^( *)([A-Za-z]+):(?: (.*))?$/.exec(line);
    if (!entry) continue;
    const [, indent = '', key = '', value] = entry;
    path.splice(indent.length / 2, Infinity, key);
    if (value !== undefined)
      rows.push([`\`${path.join('.')}\``, `\`${JSON.stringify(parse(value))}\``, about]);
    about = '';
  }
  return rows;
}
