/** Holds schema.prisma against what the migrations really created. Reads just the part of Prisma's language that the schema uses. */
import type { Pool } from 'pg';

export interface Column {
  readonly type: string;
  readonly isNullable: boolean;
  readonly default: string | null;
}

export interface Table {
  readonly columns: Readonly<Record<string, Column>>;
  readonly primaryKey: string;
  /** `a,b`, sorted among themselves. */
  readonly uniques: readonly string[];
  /** `a,b -> table(c,d) delete RESTRICT update RESTRICT`. */
  readonly foreignKeys: readonly string[];
}

export type Tables = Readonly<Record<string, Table>>;

const SCALARS: Readonly<Record<string, string>> = {
  Int: 'integer',
  String: 'text',
  DateTime: 'timestamp(3) without time zone',
};
const NATIVES: Readonly<Record<string, string>> = {
  '@db.Text': 'text',
  '@db.SmallInt': 'smallint',
  '@db.Timestamptz(3)': 'timestamp(3) with time zone',
};

/** The tables that a schema.prisma describes. Throws at anything it does not understand: a guess would hide a difference. */
export function tablesOfPrismaSchema(text: string): Tables {
  const models = [...text.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) => ({
    name,
    lines: body
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('//')),
  }));
  const tableNames = new Map(
    models.map(({ name, lines }) => [name, argument(lines.join('\n'), '@@map') ?? name]),
  );
  const columnNames = new Map(models.map(({ name, lines }) => [name, columnsByField(lines)]));
  return Object.fromEntries(
    models.map(({ name, lines }) => [
      tableNames.get(name) ?? name,
      readModel(lines, columnNames.get(name) ?? new Map<string, string>(), tableNames, columnNames),
    ]),
  );
}

function columnsByField(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines
      .filter((line) => !line.startsWith('@@'))
      .map((line) => {
        const field = /^\w+/.exec(line)?.[0] ?? '';
        return [field, argument(line, '@map') ?? field];
      }),
  );
}

function readModel(
  lines: readonly string[],
  own: ReadonlyMap<string, string>,
  tableNames: ReadonlyMap<string, string>,
  columnNames: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Table {
  const columns: Record<string, Column> = {};
  const uniques: string[] = [];
  const foreignKeys: string[] = [];
  let primaryKey = '';
  for (const line of lines) {
    if (line.startsWith('@@map(')) continue;
    if (line.startsWith('@@id(')) primaryKey = translate(list(line, '@@id\\('), own);
    else if (line.startsWith('@@unique(')) uniques.push(translate(list(line, '@@unique\\('), own));
    else if (line.startsWith('@@')) throw new Error(`not understood: ${line}`);
    else {
      const [, field = '', typeName = '', mark = '', rest = ''] =
        /^(\w+)\s+(\w+)(\?|\[\])?\s*(.*)$/.exec(line) ?? [];
      const column = own.get(field) ?? field;
      const targetTable = tableNames.get(typeName);
      if (targetTable !== undefined) {
        if (mark === '[]') continue;
        const target = columnNames.get(typeName) ?? new Map<string, string>();
        const action = (key: string) => new RegExp(`${key}: (\\w+)`).exec(rest)?.[1]?.toUpperCase() ?? '?';
        foreignKeys.push(
          `${translate(list(rest, 'fields: '), own)} -> ${targetTable}(${translate(list(rest, 'references: '), target)}) delete ${action('onDelete')} update ${action('onUpdate')}`,
        );
        continue;
      }
      const scalar = SCALARS[typeName];
      const native = /@db\.\w+(\(\d+\))?/.exec(rest)?.[0];
      const type = native === undefined ? scalar : NATIVES[native];
      if (scalar === undefined || type === undefined) throw new Error(`not understood: ${line}`);
      columns[column] = { type, isNullable: mark === '?', default: defaultOf(rest, type) };
      if (/@id\b/.test(rest)) primaryKey = column;
      if (/@unique\b/.test(rest)) uniques.push(column);
    }
  }
  return { columns, primaryKey, uniques: uniques.sort(), foreignKeys: foreignKeys.sort() };
}

function argument(line: string, attribute: string): string | undefined {
  return new RegExp(`(?<![@\\w])${attribute}\\("([^"]+)"\\)`).exec(line)?.[1];
}

function list(line: string, before: string): string[] {
  const inside = new RegExp(`${before}\\[([^\\]]+)\\]`).exec(line)?.[1];
  if (inside === undefined) throw new Error(`not understood: ${line}`);
  return inside.split(',').map((field) => field.trim());
}

function translate(fields: readonly string[], columns: ReadonlyMap<string, string>): string {
  return fields.map((field) => columns.get(field) ?? `unknown field ${field}`).join(',');
}

function defaultOf(attributes: string, type: string): string | null {
  const value = /@default\((now\(\)|"[^"]*"|\d+)\)/.exec(attributes)?.[1];
  if (value === undefined) {
    if (attributes.includes('@default')) throw new Error(`default not understood: ${attributes}`);
    return null;
  }
  if (value === 'now()') return 'CURRENT_TIMESTAMP';
  return value.startsWith('"') ? `'${value.slice(1, -1)}'::${type}` : value;
}

const COLUMNS = `
  SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS "isNullable", pg_get_expr(d.adbin, d.adrelid) AS default
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> '_prisma_migrations'
   ORDER BY c.relname, a.attnum`;
const INDEXES = `
  SELECT c.relname AS table, i.indisprimary AS "isPrimary",
         (SELECT string_agg(a.attname, ',' ORDER BY k.place)
            FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum) AS columns
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND i.indisunique`;
const FOREIGN_KEYS = `
  SELECT c.conrelid::regclass::text AS table, r.relname AS target, c.confdeltype AS "onDelete", c.confupdtype AS "onUpdate",
         s.relname AS source,
         (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
         (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY AS k(attnum, place)
            JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.attnum) AS "targetColumns"
    FROM pg_constraint c JOIN pg_class s ON s.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid
    JOIN pg_namespace n ON n.oid = s.relnamespace
   WHERE n.nspname = $1 AND c.contype = 'f'`;
const ACTIONS: Readonly<Record<string, string>> = {
  a: 'NOACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SETNULL',
  d: 'SETDEFAULT',
};

/** The tables that a schema really has, but for Prisma's own. */
export async function tablesOfDatabase(pool: Pool, schema: string): Promise<Tables> {
  const columns = await pool.query<Column & { table: string; column: string }>(COLUMNS, [schema]);
  const indexes = await pool.query<{ table: string; isPrimary: boolean; columns: string }>(INDEXES, [schema]);
  const keys = await pool.query<{
    source: string;
    target: string;
    onDelete: string;
    onUpdate: string;
    columns: string;
    targetColumns: string;
  }>(FOREIGN_KEYS, [schema]);
  const names = [...new Set(columns.rows.map((row) => row.table))];
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        columns: Object.fromEntries(
          columns.rows
            .filter((row) => row.table === name)
            .map((row) => [row.column, { type: row.type, isNullable: row.isNullable, default: row.default }]),
        ),
        primaryKey: indexes.rows.find((row) => row.table === name && row.isPrimary)?.columns ?? '',
        uniques: indexes.rows
          .filter((row) => row.table === name && !row.isPrimary)
          .map((row) => row.columns)
          .sort(),
        foreignKeys: keys.rows
          .filter((row) => row.source === name)
          .map(
            (row) =>
              `${row.columns} -> ${row.target}(${row.targetColumns}) delete ${ACTIONS[row.onDelete] ?? '?'} update ${ACTIONS[row.onUpdate] ?? '?'}`,
          )
          .sort(),
      },
    ]),
  );
}

/** Each difference as a line; empty when there is none. */
export function compareTables(expected: Tables, found: Tables): string[] {
  const differences: string[] = [];
  const walk = (path: string, left: unknown, right: unknown): void => {
    if (isRecord(left) && isRecord(right)) {
      for (const key of new Set([...Object.keys(left), ...Object.keys(right)]))
        walk(`${path}.${key}`, left[key], right[key]);
      return;
    }
    if (JSON.stringify(left) !== JSON.stringify(right))
      differences.push(
        `${path.slice(1)}: schema.prisma says ${JSON.stringify(left)}, the database ${JSON.stringify(right)}`,
      );
  };
  walk('', expected, found);
  return differences;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
