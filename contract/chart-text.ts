/** What the charts of a run are called, in the window and in the report. Lines go by their key in the window. */
export const CHART_TEXTS = {
  arrivals: {
    title: 'Arrivals',
    hint: 'The crowd at the gateway: requests that leave, and those that wait for an answer',
    lines: { sent: 'sent in 20 ms', inFlight: 'in flight' },
  },
  surge: {
    title: 'Answers',
    hint: 'Answers a second, by outcome',
    lines: { accepted: 'accepted', rejected: 'rejected', unknown: 'no clear answer', offered: 'offered' },
  },
  queue: {
    title: 'Queue',
    hint: 'Reservations that wait: for a confirm, or for a decision',
    lines: { depth: 'queue depth', unconfirmed: 'unconfirmed' },
  },
  inventory: {
    title: 'Inventory',
    hint: 'Tickets that are left',
    lines: { left: 'left' },
  },
  latency: {
    title: 'Latency',
    hint: 'How long a buyer waits for the gateway’s answer',
    lines: { p99: 'slowest 1 % (p99)', p50: 'half (p50)' },
  },
  together: {
    title: 'Throughput, queue and inventory',
    hint: 'On one time axis, each as a share of its highest value',
    lines: { throughput: 'answers a second', depth: 'queue depth', left: 'tickets left' },
  },
  curve: {
    title: 'Latency by percentile',
    hint: 'The share of answers that took no longer, from intended and from actual send time',
    lines: {},
  },
  heat: {
    title: 'Latency over time',
    hint: 'How many answers took how long: the stronger the colour, the more',
    lines: {},
  },
  share: {
    title: 'Kept away from Postgres',
    hint: 'Share of decided requests that never touched the database',
    lines: { share: 'never touched it' },
  },
} as const;
