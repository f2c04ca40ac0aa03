/** The Helm chart, by Helm itself: what it renders, and what it refuses. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { parse, parseAllDocuments } from 'yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { canTestHelm, ensureHelm } from '../../scripts/setup/helm.mjs';

const CHART = join(import.meta.dirname, '../../charts/flashgrid');
const EXAMPLES = readdirSync(join(CHART, 'examples')).filter((name) => name.startsWith('values-'));
/** Kinds whose schemas no npm package holds: their operators' examples are only read as YAML. */
const UNKNOWN = ['RabbitmqCluster', 'Redis'];

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type KubernetesObject = z.infer<typeof objectSchema>;
const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.number().optional(),
    template: z.looseObject({
      spec: z.looseObject({
        securityContext: z.looseObject({ runAsNonRoot: z.boolean() }),
        containers: z.array(
          z.looseObject({
            securityContext: z.looseObject({ readOnlyRootFilesystem: z.boolean() }),
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
          }),
        ),
      }),
    }),
  }),
});

let helm = '';
const run = promisify(execFile);

async function render(example: string, ...args: string[]): Promise<KubernetesObject[]> {
  const values = join(CHART, 'examples', example);
  const { stdout } = await run(helm, ['template', 'shop', CHART, '-f', values, ...args]);
  return parseAllDocuments(stdout).map((document) => objectSchema.parse(document.toJS()));
}

/** What Helm says to values that it refuses. */
async function refusal(...args: string[]): Promise<string> {
  const values = join(CHART, 'examples/values-one-secret.yaml');
  return await run(helm, ['template', 'shop', CHART, '-f', values, ...args]).then(
    () => 'it took them',
    (error: unknown) => z.object({ stderr: z.string() }).parse(error).stderr,
  );
}

/** Where the kinds of an API are described, twice: as validators, and as types. */
const API: Readonly<Record<string, readonly [module: string, load: () => Promise<object>]>> = {
  v1: ['kubernetes-models/v1', () => import('kubernetes-models/v1')],
  'apps/v1': ['kubernetes-models/apps/v1', () => import('kubernetes-models/apps/v1')],
  'autoscaling/v2': ['kubernetes-models/autoscaling/v2', () => import('kubernetes-models/autoscaling/v2')],
  'batch/v1': ['kubernetes-models/batch/v1', () => import('kubernetes-models/batch/v1')],
  'networking.k8s.io/v1': [
    'kubernetes-models/networking.k8s.io/v1',
    () => import('kubernetes-models/networking.k8s.io/v1'),
  ],
  'policy/v1': ['kubernetes-models/policy/v1', () => import('kubernetes-models/policy/v1')],
  'keda.sh/v1alpha1': [
    '@kubernetes-models/keda/keda.sh/v1alpha1',
    () => import('@kubernetes-models/keda/keda.sh/v1alpha1'),
  ],
  'monitoring.coreos.com/v1': [
    '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
    () => import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1'),
  ],
  'postgresql.cnpg.io/v1': [
    '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1',
    () => import('@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1'),
  ],
};
type Kinds = Record<string, (new (data: object) => { validate: () => void }) | undefined>;

/** @throws Error that names each field which Kubernetes would not take */
async function checkByKubernetes({ apiVersion, kind, ...rest }: KubernetesObject): Promise<void> {
  const Kind = ((await API[apiVersion]?.[1]()) as Kinds | undefined)?.[kind];
  if (!Kind) throw new Error(`Kubernetes has no ${kind} in ${apiVersion}`);
  new Kind({ apiVersion, kind, ...rest }).validate();
}

/** What TypeScript says of objects as literals of their kinds' types: a validator takes fields that no kind has, a literal does not. */
function unknownFields(objects: readonly KubernetesObject[]): string[] {
  const file = join(CHART, 'rendered.ts');
  const text = objects
    .map((one, at) => {
      const module = API[one.apiVersion]?.[0] ?? '';
      return `export const o${at}: import('${module}').I${one.kind} = ${JSON.stringify(one)};`;
    })
    .join('\n');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path === file || fileExists(path);
  host.getSourceFile = (path, target, ...others) =>
    path === file ? ts.createSourceFile(path, text, target) : getSourceFile(path, target, ...others);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([file], options, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe.skipIf(!canTestHelm)('the Helm chart', () => {
  beforeAll(async () => {
    helm = await ensureHelm();
  }, 120_000);

  it.each(EXAMPLES)('passes helm lint with %s', async (example) => {
    const { stdout } = await run(helm, ['lint', '--strict', CHART, '-f', join(CHART, 'examples', example)]);
    expect(stdout).toContain('0 chart(s) failed');
  });

  it.each(EXAMPLES)('renders with %s what Kubernetes takes', async (example) => {
    const objects = await render(example);
    for (const one of objects) await checkByKubernetes(one);
    expect(unknownFields(objects)).toEqual([]);
    expect(objects.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy', 'Job']),
    );
  });

  it('would notice a field that Kubernetes does not have', async () => {
    const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'shop' } };
    await checkByKubernetes({ ...budget, spec: { maxUnavailable: 1 } });
    await expect(checkByKubernetes({ ...budget, spec: { maxUnavailable: [] } })).rejects.toThrow(
      'maxUnavailable',
    );
    const scaled = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 'shop' } };
    const spec = { scaleTargetRef: { name: 'shop' }, triggers: [{ type: 'prometheus', metadata: {} }] };
    expect(unknownFields([{ ...scaled, spec }])).toEqual([]);
    expect(unknownFields([{ ...scaled, spec: { ...spec, maxReplicas: 3 } }])).toEqual([
      expect.stringContaining('maxReplicas'),
    ]);
  });

  it('says how many pods only where no autoscaler does', async () => {
    const replicas = async (example: string) =>
      (await render(example))
        .filter(({ kind }) => kind === 'Deployment')
        .map((one) => deploymentSchema.parse(one).spec.replicas);
    expect(await replicas('values-one-secret.yaml')).toEqual([2, 2]);
    expect(await replicas('values-autoscaled.yaml')).toEqual([undefined, undefined]);
  });

  it('runs as nobody in particular, on a file system that it can’t write, and holds no secret', async () => {
    for (const one of (await render('values-operators.yaml')).filter(({ kind }) => kind === 'Deployment')) {
      const { securityContext, containers } = deploymentSchema.parse(one).spec.template.spec;
      expect(securityContext.runAsNonRoot).toBe(true);
      for (const { securityContext: own, env } of containers) {
        expect(own.readOnlyRootFilesystem).toBe(true);
        for (const { name, value } of env.filter((each) => /URL|TOKEN|PASSWORD/.test(each.name)))
          expect(value, name).toBeUndefined();
      }
    }
    expect(await render('values-autoscaled.yaml')).not.toContainEqual(
      expect.objectContaining({ kind: 'Secret' }),
    );
  });

  it('carries dashboard and alerts as they are, where values say so', async () => {
    const file = (name: string) => readFileSync(join(CHART, 'files', name), 'utf8');
    const objects = await render('values-autoscaled.yaml');
    const named = (kind: string) => objects.find((one) => one.kind === kind);
    expect(named('ConfigMap')).toMatchObject({
      metadata: { labels: { grafana_dashboard: '1' } },
      data: { 'flashgrid.json': file('dashboard.json') },
    });
    expect(named('PrometheusRule')).toMatchObject({ spec: parse(file('alerts.yaml')) as object });
    const kinds = (await render('values-one-secret.yaml')).map(({ kind }) => kind);
    expect(kinds).not.toContain('ConfigMap');
    expect(kinds).not.toContain('PrometheusRule');
  });

  it.each([
    ['--set gateway.replcas=3', 'replcas'],
    ['--set gateway.replicas=0', '/gateway/replicas'],
    ['--set gateway.hosts[0]=http://shop', '/gateway/hosts/0'],
    ['--set-string worker.keda.backlogPerWorker=many', '/worker/keda/backlogPerWorker'],
    ['--set engine.namespace=My_Shop!', '/engine/namespace'],
    ['--set image.pullPolicy=Sometimes', '/image/pullPolicy'],
    ['--set worker.keda.enabled=true', 'worker.keda.prometheusUrl is empty: name the Prometheus'],
    ['--set adminToken.existingSecret=', 'adminToken.existingSecret is empty: name the secret'],
    ['--set gateway.drainMs=40000', 'gateway.terminationGracePeriodSeconds is 60: make it 65 or more'],
  ])('refuses %s, and names the field', async (option, said) => {
    expect(await refusal(...option.split(' '))).toContain(said);
  });

  it('has examples of backends, each of its operator', async () => {
    const text = readFileSync(join(CHART, 'examples/operators.yaml'), 'utf8');
    const objects = parseAllDocuments(text).map((document) => objectSchema.parse(document.toJS()));
    expect(objects.map(({ kind }) => kind)).toEqual(['RabbitmqCluster', 'Cluster', 'Redis']);
    const known = objects.filter(({ kind }) => !UNKNOWN.includes(kind));
    for (const one of known) await checkByKubernetes(one);
    expect(unknownFields(known)).toEqual([]);
  });
});
