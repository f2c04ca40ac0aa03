/**
 * Parts of the docs that are made from the tables of contract/. `npm run docs` writes them, and
 * tests/structure/docs.test.ts fails if they differ. In a page, a part is between `<!-- made: NAME -->` and `<!-- end: NAME -->`.
 */
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { BACKEND_TITLES } from '../contract/backends.ts';
import { DESIGNS, DESIGN_IDS } from '../contract/designs.ts';
import { FAULT_KINDS, allTargets, faultKind } from '../contract/faults.ts';
import { markdownTable, milliseconds } from '../contract/format.ts';
import { attackProfileSchema } from '../contract/attack-profile.ts';
import { BEHAVIOUR_KINDS, parseBehaviours } from '../contract/behaviours.ts';
import { ATTACK_PRESETS } from '../contract/attack-presets.ts';
import { ATTACK_SETTINGS } from '../contract/attack-settings.ts';
import { settingLimits } from '../contract/attack-text.ts';
import { EXPORTS } from '../contract/export-formats.ts';
import { CHECKS } from '../contract/checks.ts';
import { FAILURES } from '../contract/failures.ts';
import { MODEL_GUARDS, modelCell } from '../contract/model-cells.ts';
import { guardRunsSchema, type GuardRun } from '../tests/support/guard-runs.ts';
import { GUARDS, matrixGuards, type Guard } from '../tests/support/guards.ts';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { GatewayCounters } from '../services/gateway/gateway-counters.ts';
import { GatewayMetrics } from '../services/gateway/metrics.ts';
import { WorkerCounters } from '../services/worker/counters.ts';
import { createMetrics } from '../services/worker/metrics.ts';
import { chartValueRows, chartValuesSchema } from './chart-values.ts';
import { PANELS, dashboard } from './dashboard.ts';
import { RECORD_FORMAT, runRecordSchema } from '../contract/run-record.ts';
import { RARE_PATHS } from '../services/shared/rare-paths.ts';
import { PLANTS } from '../contract/plants.ts';
import { declaredTargetSchema } from '../contract/target.ts';
import { SLO_METRICS, SLO_UNITS } from '../contract/slo.ts';

const root = join(import.meta.dirname, '..');

type Rows = readonly (readonly string[])[];

const chartValues = () => readFileSync(join(root, 'charts/flashgrid/values.yaml'), 'utf8');

/** What `npm run guards` measured. */
const guardRuns = guardRunsSchema.parse(JSON.parse(readFileSync(join(root, 'docs/guards.json'), 'utf8')));

const outOf = (run: GuardRun | undefined, which: 'held' | 'broken') =>
  run === undefined ? 'not tried' : `${run[which]} of ${run.attacks}`;

/** Each guard of the model: its cell of the matrix, and what the cell came to with the guard and without. */
function cellRows(): Rows {
  const guards = new Map(matrixGuards().map((guard) => [guard.model, guard]));
  return [
    [
      'in the model',
      'guard',
      'what comes about',
      'cell',
      'held with it',
      'broke without',
      'seeds until then',
      'what fails',
    ],
    ...MODEL_GUARDS.map((model) => {
      const cell = modelCell(model);
      if ('why' in cell) return [`\`${model}\``, '', cell.why, 'none', '–', '–', '–', '–'];
      const run = guardRuns[model];
      return [
        `\`${model}\``,
        guards.get(model)?.what ?? '',
        cell.does,
        `\`${cell.faults}\``,
        outOf(run?.with, 'held'),
        outOf(run?.without, 'broken'),
        String(run?.without?.seedsUntilBroken ?? '–'),
        (run?.without?.checks ?? []).map((check) => `\`${check}\``).join(', '),
      ];
    }),
  ];
}

const alertsSchema = z.object({
  groups: z.tuple([
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          labels: z.object({ severity: z.string() }),
          annotations: z.object({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ]),
});

function alertRows(): Rows {
  const text = readFileSync(join(root, 'charts/flashgrid/files/alerts.yaml'), 'utf8');
  return alertsSchema
    .parse(parseYaml(text))
    .groups[0].rules.map(({ alert, labels, annotations: { summary, description } }) => [
      `\`${alert}\``,
      labels.severity,
      summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => label.toUpperCase()),
      description,
    ]);
}

/** Every metric of gateway and worker but those of Node itself. */
function metricRows(): Rows {
  const unread = () => {
    throw new Error('Only the names are read here.');
  };
  const gateway = new GatewayMetrics({
    counters: new GatewayCounters(),
    backends: unread,
    queueLength: unread,
    unconfirmedNow: unread,
    linkState: unread,
    clientCount: unread,
  });
  const worker = createMetrics(new WorkerCounters(), unread, unread);
  return [gateway.registry, worker].flatMap((registry) =>
    registry
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith('flashgrid_'))
      .map(({ name, type, help }) => [`\`${name}\``, String(type), help]),
  );
}

/** Each page with its parts. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => Rows>>>> = {
  'README.md': {
    checks: () => [
      ['check', 'it proves'],
      ...Object.entries(CHECKS).map(([id, { proves }]) => [`\`${id}\``, proves]),
    ],
  },
  'charts/flashgrid/README.md': {
    values: () => [['value', 'default', 'what it is'], ...chartValueRows(chartValues(), parseYaml)],
  },
  'docs/evidence.md': {
    witnesses: () => [
      ['check', 'its witness'],
      ...Object.entries(CHECKS).map(([id, { witness }]) => [`\`${id}\``, witness]),
    ],
  },
  'docs/guards.md': {
    cells: cellRows,
    guards: () => [
      ['guard', 'where', 'in the model', 'fault', 'what fails without it'],
      ...Object.values(GUARDS as Readonly<Record<string, Guard>>).map(
        ({ what, cuts, sql, model, fault, breaks, seenBy }) => [
          what,
          [...new Set([...cuts.map(({ file }) => file), ...(sql ? ['prisma/migrations'] : [])])]
            .map((file) => `\`${file}\``)
            .join(', '),
          `\`${model}\``,
          fault,
          seenBy === undefined
            ? breaks.map((check) => `\`${check}\``).join(', ')
            : `no check of the audit; seen by ${seenBy}`,
        ],
      ),
    ],
  },
  'docs/observability.md': {
    panels: () => [
      ['row', 'panel', 'what it shows'],
      ...Object.entries(PANELS).flatMap(([row, panels]) =>
        panels.map(({ title, help }) => [row, title, help]),
      ),
    ],
    alerts: () => [['alert', 'severity', 'what is wrong', 'what to do'], ...alertRows()],
    metrics: () => [['metric', 'type', 'what it is'], ...metricRows()],
  },
  'docs/errors.md': {
    failures: () => [
      ['code', 'when it happens'],
      ...Object.entries(FAILURES)
        .sort(([one], [other]) => one.localeCompare(other))
        .map(([code, when]) => [`\`${code}\``, when]),
    ],
  },
  'docs/lab.md': {
    designs: () => [
      ['design', '`--designs`', 'isolation', 'needs', 'answers when', 'oversells', 'gives up', 'better for'],
      ...DESIGN_IDS.map((id) => {
        const { title, isolation, uses, answers, oversells, givesUp, betterFor } = DESIGNS[id];
        const needs = uses.map((role) => BACKEND_TITLES[role]).join(', ');
        return [title, `\`${id}\``, isolation, needs, answers, oversells, givesUp, betterFor];
      }),
    ],
    stopped: () => [
      ['design', 'oversells then', 'what follows'],
      ...DESIGN_IDS.map((id) => {
        const { title, oversells, whenStopped } = DESIGNS[id];
        return [title, oversells === 'never' ? 'no' : 'yes', whenStopped];
      }),
    ],
  },
  'docs/faults.md': {
    faults: () => [
      ['fault', 'targets', 'lasts', 'what it does'],
      ...FAULT_KINDS.map((kind) => {
        const { lastsMs, help } = faultKind(kind);
        const targets = allTargets(kind);
        const lasts = lastsMs === undefined ? '–' : milliseconds(lastsMs);
        return [`\`${kind}\``, targets.map((target) => `\`${target}\``).join(' '), lasts, help];
      }),
    ],
  },
  'docs/rare-paths.md': {
    'rare paths': () => [
      ['path', 'as a run tells it', 'counted by', 'what it means'],
      ...Object.entries(RARE_PATHS).map(([id, { title, by, meaning }]) => [`\`${id}\``, title, by, meaning]),
    ],
  },
  'docs/usage.md': {
    presets: () => [
      ['`--preset`', 'title', 'what happens'],
      ...ATTACK_PRESETS.map(({ id, title, summary }) => [`\`${id}\``, title, summary]),
    ],
    exports: () => [
      ['option', 'what it does'],
      ...Object.entries(EXPORTS).map(([format, { help }]) => [`\`--${format} FILE\``, help]),
    ],
    thresholds: () => [
      ['metric', 'what it is', 'units'],
      ...Object.entries(SLO_METRICS).map(([name, { title, unit }]) => [
        `\`${name}\``,
        title.replace(/^The/, 'the'),
        Object.keys(SLO_UNITS[unit]).filter(Boolean).join(', ') || 'none',
      ]),
    ],
    behaviours: () => [
      ['kind', 'what such a buyer does', 'not judged then'],
      ...parseBehaviours(BEHAVIOUR_KINDS.map((kind) => `${kind}:1%`).join(' ')).map(
        ({ kind, does, notJudged }) => [
          `\`${kind}\``,
          does,
          Object.keys(notJudged?.(2) ?? {})
            .map(
              (id) =>
                `\`${id}\`${Object.hasOwn(notJudged?.(1) ?? {}, id) ? '' : ', if `--limit` is above 1'}`,
            )
            .join(', ') || 'nothing',
        ],
      ),
    ],
    plants: () => [
      ['`--plant`', 'what is wrong then', 'checks that must fail'],
      ...Object.entries(PLANTS).map(([id, { title, does, breaks, why }]) => [
        `\`${id}\``,
        `${title.charAt(0).toUpperCase()}${title.slice(1)}. ${does}`,
        `${breaks.map((check) => `\`${check}\``).join(', ')}${why === undefined ? '' : `. ${why}`}`,
      ]),
    ],
    'attack settings': () => [
      ['option', 'in the window', 'what it does', 'values'],
      ...ATTACK_SETTINGS.map((setting) => [
        `\`--${setting.option}\``,
        setting.label,
        setting.help,
        settingLimits(setting),
      ]),
    ],
  },
};

/** Open, as the reader of records is: a field that a later version adds raises no format. */
const recordJsonSchema = () => ({
  title: `The record of a FlashGrid run, flashgrid.run/${RECORD_FORMAT}`,
  ...z.toJSONSchema(runRecordSchema, { io: 'input' }),
});

/** The JSON files that are made: schemas that are published, and the dashboard. */
const JSON_FILES: Readonly<Record<string, () => object>> = {
  'docs/run-record.schema.json': recordJsonSchema,
  'docs/attack-profile.schema.json': () => ({
    title: 'A saved attack, NAME.flashgrid.json',
    ...z.toJSONSchema(attackProfileSchema, { io: 'input' }),
  }),
  'charts/flashgrid/values.schema.json': () => z.toJSONSchema(chartValuesSchema, { target: 'draft-7' }),
  'charts/flashgrid/files/dashboard.json': dashboard,
  'docs/target.schema.json': () => ({
    title: 'The adapter of a shop for flashgrid attack --target',
    ...z.toJSONSchema(declaredTargetSchema, { io: 'input' }),
  }),
};

/** The pages that are made, wholly or in parts: as they are, and as they should be. */
export async function madePages(): Promise<{ path: string; text: string; made: string }[]> {
  const pages = await Promise.all(
    Object.entries(PARTS).map(async ([path, parts]) => {
      const text = await readFile(join(root, path), 'utf8');
      const made = Object.entries(parts).reduce((page, [name, rows]) => {
        const [start, end] = [`<!-- made: ${name} -->`, `<!-- end: ${name} -->`];
        const [before, after] = [page.split(start)[0] ?? '', page.split(end)[1]];
        if (before === page || after === undefined) throw new Error(`${path} has no part "${name}".`);
        return `${before}${start}\n\n${markdownTable(rows())}\n\n${end}${after}`;
      }, text);
      const options = await resolveConfig(join(root, path));
      return { path, text, made: await format(made, { ...options, parser: 'markdown' }) };
    }),
  );
  const schemas = await Promise.all(
    Object.entries(JSON_FILES).map(async ([path, schema]) => {
      const options = await resolveConfig(join(root, path));
      const made = await format(JSON.stringify(schema()), { ...options, parser: 'json' });
      return { path, text: await readFile(join(root, path), 'utf8').catch(() => ''), made };
    }),
  );
  return [...pages, ...schemas];
}

if (process.argv[1] === import.meta.filename)
  for (const { path, made } of await madePages()) await writeFile(join(root, path), made);
