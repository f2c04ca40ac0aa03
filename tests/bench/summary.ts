/** From rounds to the table: each line a claim, its figure, its spread, and what it must reach. */
import { pairedRatio, spread, type Spread } from './stats.ts';
import type { Round } from './scenarios.ts';

/** What the engine must reach; issue and README name the same. */
export const TARGETS = {
  gatewayRatio: 0.75,
  gatewayAt1000Ratio: 0.7,
  gatewayP99Ms: 25,
  openRateP99Ms: 5,
  openRateP999Ms: 20,
  rawRatio: 0.5,
  rawAt1000Ratio: 0.6,
  endToEndRatio: 0.5,
  endToEndWinsRatio: 0.35,
  refusals: 100_000,
  grants: 40_000,
  posterRatio: 1.5,
  posterCommittedMs: 1_000,
  oneEachRatio: 3,
  watchedRatio: 0.95,
  tracesShare: 2,
  sales1000Ratio: 0.6,
  sales10000Ratio: 0.4,
  openMs: 10_000,
  stampede: 10_000,
  gatewayMb: 150,
  workerMb: 150,
  coldMs: 10_000,
  secondMs: 3_000,
} as const;

export interface Line {
  readonly id: string;
  readonly title: string;
  readonly figure: Spread;
  readonly unit: 'x' | '/s' | 'ms' | 'MB' | 'B' | 'µs' | '%' | '';
  readonly target?: string;
  readonly isMet?: boolean;
}

/** On what the bench ran. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly os: string;
}

export interface Summary {
  readonly lines: readonly Line[];
}

/** Makes the lines of the table. */
export function summarise(rounds: readonly Round[], start: Readonly<Record<string, number>>): Summary {
  const all = (name: string) =>
    rounds.map((round) => round[name]).filter((value): value is number => value !== undefined);
  const plain = (id: string, title: string, unit: Line['unit'], name = id): Line => ({
    id,
    title,
    unit,
    figure: spread(all(name)),
  });
  const atLeast = (line: Line, floor: number): Line => ({
    ...line,
    target: `≥ ${floor.toLocaleString('en-US')}`,
    isMet: line.figure.median >= floor,
  });
  const atMost = (line: Line, most: number): Line => ({
    ...line,
    target: `≤ ${most.toLocaleString('en-US')}`,
    isMet: line.figure.median <= most,
  });
  const ratio = (id: string, title: string, name: string, against: string): Line => ({
    id,
    title,
    unit: 'x',
    figure: pairedRatio(all(name), all(against)),
  });
  const once = (id: string, title: string, value: number): Line => ({
    id,
    title,
    unit: 'ms',
    figure: spread([value]),
  });
  const lines: Line[] = [
    plain('ceiling', 'Bare Fastify, 200 connections', '/s'),
    plain('gateway', 'Gateway, each one durably confirmed', '/s'),
    atLeast(
      ratio('gatewayRatio', 'gateway / bare, 200 connections', 'gateway', 'ceiling'),
      TARGETS.gatewayRatio,
    ),
    atMost(plain('gatewayP99Ms', 'p99 of the acknowledgement, 200 connections', 'ms'), TARGETS.gatewayP99Ms),
    plain('openRate', 'Gateway at half of that as an open rate', '/s'),
    atMost(plain('openRateP99Ms', 'p99 at that rate', 'ms'), TARGETS.openRateP99Ms),
    atMost(plain('openRateP999Ms', 'p99.9 at that rate', 'ms'), TARGETS.openRateP999Ms),
    plain('ceilingP99Ms', 'p99 of the bare route, 200 connections', 'ms'),
    atLeast(
      ratio('gatewayAt1000Ratio', 'gateway / bare, 1,000 connections', 'gatewayAt1000', 'ceilingAt1000'),
      TARGETS.gatewayAt1000Ratio,
    ),
    atLeast(
      ratio('endToEndRatio', 'decided and committed / bare, sold out', 'endToEnd', 'ceiling'),
      TARGETS.endToEndRatio,
    ),
    atLeast(
      ratio('endToEndWinsRatio', 'decided and committed / bare, everyone wins', 'endToEndWins', 'ceiling'),
      TARGETS.endToEndWinsRatio,
    ),
    atLeast(plain('refusals', 'Worker alone, refusals', '/s'), TARGETS.refusals),
    atLeast(plain('grants', 'Worker alone, committed grants', '/s'), TARGETS.grants),
    atMost(
      ratio(
        'posterRatio',
        '10,000 x 20: last answer / bare route’s',
        'gatewayPosterDurationMs',
        'ceilingPosterDurationMs',
      ),
      TARGETS.posterRatio,
    ),
    atMost(
      plain('committedAfterLastAnswerPosterMs', '10,000 x 20: all committed after the last answer', 'ms'),
      TARGETS.posterCommittedMs,
    ),
    plain('oneEach', 'One message each (no confirm waited for), accepted', '/s'),
    plain('oneEachEndToEnd', 'One message each, decided', '/s'),
    atLeast(ratio('oneEachRatio', 'gateway / one message each', 'gateway', 'oneEach'), TARGETS.oneEachRatio),
    ratio('oneEachEndToEndRatio', 'end to end / one message each', 'endToEnd', 'oneEachEndToEnd'),
    atLeast(
      ratio(
        'watchedRatio',
        'gateway with 100 dashboards and telemetry / without',
        'withWatchers',
        'withoutWatchers',
      ),
      TARGETS.watchedRatio,
    ),
    atMost(
      plain('tracesShare', 'CPU of the pipeline that traces of one in 1,000 take', '%'),
      TARGETS.tracesShare,
    ),
    atLeast(plain('stampedeAnswered', '10,000 connections at once: accepted', ''), TARGETS.stampede),
    atMost(plain('stampedeUnknown', '10,000 connections at once: without an answer', ''), 0),
    plain('gatewayMb', 'Gateway’s memory at 200 connections', 'MB'),
    atMost(plain('stampedeGatewayMb', 'Gateway’s memory at 10,000 connections', 'MB'), TARGETS.gatewayMb),
    plain('workerMb', 'Worker’s memory at 200 connections', 'MB'),
    plain('stampedeWorkerMb', 'Worker’s memory at 10,000 connections', 'MB'),
    atMost(plain('refusalsWorkerMb', 'Worker’s memory while draining a million', 'MB'), TARGETS.workerMb),
    plain('brokerMb', 'RabbitMQ’s memory at 200 connections', 'MB'),
    plain('stampedeBrokerMb', 'RabbitMQ’s memory at 10,000 connections', 'MB'),
    plain('stampedeRedisMb', 'Redis’ memory at 10,000 connections', 'MB'),
    plain('gatewayCpuUs', 'Gateway’s CPU time a request', 'µs'),
    plain('ceilingCpuUs', 'Bare route’s CPU time a request', 'µs'),
    plain('workerCpuUs', 'Worker’s CPU time a refusal', 'µs'),
    plain('workerWinsCpuUs', 'Worker’s CPU time a grant', 'µs'),
    plain('refusalsRedisBytes', 'Redis, bytes a refused reservation', 'B'),
    plain('grantsRedisBytes', 'Redis, bytes a granted reservation', 'B'),
    plain('refusalsQueueBytes', 'Queue, bytes a reservation', 'B'),
    atMost(once('coldMs', 'Backends, cold start', start['coldMs'] ?? 0), TARGETS.coldMs),
    atMost(once('secondMs', 'Backends, second start', start['secondMs'] ?? 0), TARGETS.secondMs),
    once('gatewayStartMs', 'Gateway, start', start['gateway'] ?? 0),
    once('workerStartMs', 'Worker, start', start['worker'] ?? 0),
  ];
  if (all('wrkGateway').length > 0)
    lines.push(
      ...(all('wrkNginx').length > 0 ? [plain('wrkNginx', 'wrk: nginx, `return 202`', '/s')] : []),
      plain('wrkRaw', 'wrk: raw `node:net`', '/s'),
      plain('wrkCeiling', 'wrk: bare Fastify', '/s'),
      plain('wrkGateway', 'wrk: gateway', '/s'),
      atLeast(ratio('rawRatio', 'wrk: gateway / raw `node:net`', 'wrkGateway', 'wrkRaw'), TARGETS.rawRatio),
      atLeast(
        ratio(
          'rawAt1000Ratio',
          'wrk: gateway / raw `node:net`, 1,000 connections',
          'wrkGatewayAt1000',
          'wrkRawAt1000',
        ),
        TARGETS.rawAt1000Ratio,
      ),
      ratio('wrkRatio', 'wrk: gateway / bare', 'wrkGateway', 'wrkCeiling'),
      plain('sales1EndToEnd', 'wrk: decided, one sale', '/s'),
      atLeast(
        ratio('sales1000Ratio', 'wrk: decided, 1,000 sales / one', 'sales1000EndToEnd', 'sales1EndToEnd'),
        TARGETS.sales1000Ratio,
      ),
      atLeast(
        ratio('sales10000Ratio', 'wrk: decided, 10,000 sales / one', 'sales10000EndToEnd', 'sales1EndToEnd'),
        TARGETS.sales10000Ratio,
      ),
      atMost(plain('sales10000OpenMs', '10,000 sales: all open after', 'ms'), TARGETS.openMs),
    );
  return { lines };
}

function show(value: number, unit: Line['unit']): string {
  const digits = unit === 'x' ? 2 : value < 100 && unit !== '/s' ? 1 : 0;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The table for the terminal, as Markdown, so that it can be pasted into docs/speed.md. */
export function formatTable({ lines }: Summary, machine: Machine): string {
  const rows = lines.map(({ title, figure, unit, target, isMet }) => {
    const range = figure.values.length > 1 ? `${show(figure.min, unit)} to ${show(figure.max, unit)}` : '';
    return `| ${title} | ${show(figure.median, unit)} ${unit} | ${range} | ${target ?? ''} | ${isMet === undefined ? '' : isMet ? 'met' : 'missed'} |`;
  });
  const { cpu, cores, memoryGb, node, os } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GiB, Node ${node}, ${os}`,
    '',
    '| what | median | range | target | |',
    '|---|---:|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
