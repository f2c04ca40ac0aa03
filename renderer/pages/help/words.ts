/** The words that the window uses. docs/glossary.md defines each of them in the same sentence; a test compares the two. */
export interface Word {
  /** As docs/glossary.md lists it. */
  readonly term: string;
  /** The technical name, where it is written in another way than the term. */
  readonly name?: string;
  /** Its role in the story of the ticket shop, for whoever is new to the field. */
  readonly story?: string;
  readonly meaning: string;
}

export const WORDS: readonly { readonly title: string; readonly words: readonly Word[] }[] = [
  {
    title: 'The parts, from buyer to ticket',
    words: [
      {
        term: 'buyer',
        story: 'the crowd',
        meaning: 'Who reserves, named by userId. A sale limits the units that one buyer may hold.',
      },
      {
        term: 'gateway',
        story: 'the entrance',
        meaning: 'The service that takes reservations over HTTP and answers them.',
      },
      {
        term: 'RabbitMQ',
        story: 'the waiting line',
        meaning: 'The backend that stores accepted reservations in a queue until a worker has decided them.',
      },
      {
        term: 'worker',
        story: 'the clerk',
        meaning: 'The service that takes frames from the queue, decides them and records the grants.',
      },
      {
        term: 'Redis',
        story: 'the counter',
        meaning: 'The backend that counts the units of each sale and decides frames in Lua scripts.',
      },
      {
        term: 'Postgres',
        story: 'the ledger',
        meaning: 'The backend that stores sales and tickets: one row for each unit that was sold.',
      },
      {
        term: 'cluster',
        meaning:
          'The three backends, gateways and workers that one control centre runs. Not a RabbitMQ or Redis Cluster, which are named in full.',
      },
      {
        term: 'control centre',
        meaning:
          'The process that starts, watches and stops everything, and owns the truth that frontends show.',
      },
    ],
  },
  {
    title: 'A reservation, from request to outcome',
    words: [
      {
        term: 'reservation',
        meaning: 'A buyer’s wish for a quantity of units, once the gateway has taken it into a frame.',
      },
      {
        term: 'frame',
        meaning:
          '1 to 512 reservations of one sale, decided as one. A message carries one frame, or one of each of several sales; it is published, confirmed and acked as one.',
      },
      {
        term: 'accepted',
        name: 'accepted (202)',
        meaning: 'Answered 202: RabbitMQ has confirmed the reservation.',
      },
      {
        term: 'rejected',
        name: 'rejected (4xx, 503)',
        meaning: 'Answered by the gateway with 4xx, or with a 503 that says that nothing was queued.',
      },
      {
        term: 'granted',
        meaning: 'Decided by the worker, with units, and committed as tickets.',
      },
      {
        term: 'refused',
        meaning: 'Decided by the worker, with a reason. The gateway never refuses: it rejects.',
      },
      {
        term: 'in flight',
        meaning: 'Sent, and not yet answered: a request on its way, or a frame without its confirm.',
      },
      {
        term: 'queue depth',
        meaning: 'Reservations that are accepted and not yet decided.',
      },
      {
        term: 'dead letter',
        meaning:
          'A frame that can never be decided, set aside in the dead-letter queue with its reason. It can be replayed or dropped.',
      },
      {
        term: 'unknown',
        name: 'unknown (no clear answer)',
        meaning: 'Of a request: no answer, or unconfirmed. The audit looks up what became of it.',
      },
      {
        term: 'epoch',
        meaning:
          'One life of a sale in Redis. A rebuild or a reset raises it; grants of an older epoch can’t be committed.',
      },
    ],
  },
  {
    title: 'An attack and its proof',
    words: [
      { term: 'attack', meaning: 'A load of reservations on one sale or several, made by load generators.' },
      {
        term: 'burst',
        meaning: 'An attack that sends all requests as fast as its connections take them.',
      },
      {
        term: 'fault',
        meaning: 'Something that is broken on purpose during an attack.',
      },
      { term: 'sustained', meaning: 'An attack that holds a rate for a duration.' },
      { term: 'staged', meaning: 'An attack whose rate changes over time, in stages.' },
      {
        term: 'drain',
        meaning: 'Wait until the queue is empty and all that was accepted is decided.',
      },
      {
        term: 'audit',
        meaning:
          'The comparison of what the load generators saw with what the backends hold, after the queue is drained.',
      },
      { term: 'check', meaning: 'One statement that the audit proves or disproves.' },
      {
        term: 'witness',
        meaning: 'The fewest events that contradict each other, shown with a failed check.',
      },
      { term: 'verdict', meaning: 'pass, fail or invalid.' },
      { term: 'invalid', meaning: 'Of a run: it proves nothing, and says why.' },
      {
        term: 'undecided',
        meaning: 'Of a run: a part was missing, so that something has no outcome.',
      },
      {
        term: 'rare path',
        meaning:
          'Something that gateway or worker do only when something went wrong, came twice or came late. Each run says which of them it took.',
      },
      { term: 'run', meaning: 'One attack with its audit, its verdict and its record.' },
    ],
  },
];
