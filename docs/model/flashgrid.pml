/*
 * FlashGrid's protocol, from POST /reserve to the ack: what holds however its parts crash.
 *
 * Two gateways, two workers, RabbitMQ, Redis, Postgres; three frames of one reservation each. Choose a sale:
 *   -DSCARCE   one unit, three buyers
 *   -DLIMITED  two units, one for each buyer; frames 1 and 2 come from the same buyer
 *   -DKEYED    two units; frames 1 and 2 are the same reservation, sent twice with one Idempotency-Key
 *
 * -DFAULTS=n      faults of a run, of any kind, at any step
 * -DSET_BACK      one kind of fault more: Redis starts again from a file, which may be older than what it held
 * -DCHANNELS_HOLD one kind less: no channel is lost under a worker that lives
 * -DTWO_FRAMES    frame 2 is not sent
 * -DNO_<GUARD>    a guard is off
 * -D<X>_IS_SOFT, -DREFUSED_FOR_GOOD  other promises (README.md, "What is not promised")
 *
 * README.md says what each step stands for, and what the model leaves out. A printf costs nothing: it only speaks
 * when a counterexample is replayed.
 */
#define FRAMES 3
#define UNITS 2
#define WORKERS 2
/* No run gets there, unless the protocol rebuilds without end. */
#ifndef MAX_EPOCH
#define MAX_EPOCH 9
#endif

#ifdef SCARCE
#define STOCK 1
#define reservationOf(f) (f)
#define buyerOf(r) (r)
#define isKeyed(r) false
#endif
#ifdef LIMITED
#define STOCK 2
#define reservationOf(f) (f)
#define buyerOf(r) (r > 0 -> 1 : 0)
#define isKeyed(r) false
#endif
#ifdef KEYED
#define STOCK 2
#define reservationOf(f) (f > 0 -> 1 : 0)
#define buyerOf(r) (r)
#define isKeyed(r) (r == 1)
#endif

#ifdef TWO_FRAMES
#define SECOND FRAMES
#else
#define SECOND 2
#endif

/* Where RabbitMQ has a frame. HELD + w: handed out to worker w. */
#define UNSENT 0
#define QUEUED 1
#define ACKED 2
#define DEAD 3
#define HELD 4

/* Outcomes. */
#define NONE 0
#define GRANTED 1
#define SOLD_OUT 2
#define BUYER_LIMIT 3
#define UNKNOWN_SALE 4

byte faults;
#define strike faults < FAULTS -> faults++
byte gatewaysAtWork = 2;
bit isBusy[WORKERS];

byte place[FRAMES];

typedef Redis {
  byte epoch = 1;              /* 0: the sale is unknown */
  byte holder[UNITS];          /* reservation + 1 */
  byte recordEpoch[FRAMES];
  byte recordCode[FRAMES];
  byte keyCode;                /* a refusal, kept under the key of reservation 1 */
  byte lock;                   /* worker + 1 */
  bit isLoaded[WORKERS];       /* the tickets that a rebuild has read lie in Redis */
#ifdef SET_BACK
  bit isRestarted;             /* the run id in the sale's hash is not the present one */
#endif
#ifdef NO_RECORD
  bit isFromPostgres[UNITS]
#endif
};
Redis redis;
#ifdef SET_BACK
Redis older;
bit hasOlder;
#endif

/* Postgres. Bit u of tickets[r]: reservation r has a ticket for unit u + 1. */
byte epoch = 1;
byte tickets[FRAMES];

/* What buyers were told. */
bit isAccepted[FRAMES];
bit isToldRefused[FRAMES];

/* What must never be: set and asserted in one step. */
bit unit_sold_twice, reservation_has_two_tickets, buyer_over_limit, granted_before_commit,
  holder_told_refused, refused_then_granted, accepted_and_lost, undersold, rebuilds_without_end;

byte i, has, lowest, held, sold;
bit isInserted;

/* The guards that are one condition. The others are where they act. */
#ifdef NO_RECORD
#define isRecorded(f) false
#define isRefusedBefore(f) false
/* Without records, only what came from Postgres is known of a frame. */
#define isKnown(r, u) (isKeyed(r) || redis.isFromPostgres[u])
#define noteGrant(u) redis.isFromPostgres[u] = 0
#define noteTicket(u) redis.isFromPostgres[u] = (redis.holder[u] != 0)
#else
#define isRecorded(f) (redis.recordEpoch[f] == redis.epoch)
#define isRefusedBefore(f) (redis.recordCode[f] > GRANTED)
#define isKnown(r, u) true
#define noteGrant(u) skip
#define noteTicket(u) skip
#endif

#ifdef NO_RECALL
#define isFrameRecalled false
#else
#define isFrameRecalled true
#endif

#ifdef NO_KEY
#define isKeyRecalled false
#else
#define isKeyRecalled true
#endif

#ifdef SET_BACK
#define noteRestart(bit) redis.isRestarted = bit
#else
#define noteRestart(bit) skip
#endif
#if defined(SET_BACK) && !defined(NO_RUN_ID)
#define isSeenRestarted redis.isRestarted
#else
#define isSeenRestarted false
#endif

#ifdef NO_FENCE
#define passesFence true
#else
#define passesFence (granter >= epoch)
#endif

#ifdef NO_UNIQUE_UNIT
#define isUnitTaken(u) false
#else
#define isUnitTaken(u) (sold & (1 << (u - 1)))
#endif

#ifdef NO_UNIQUE_RESERVATION
#define isThere(r) false
#else
#define isThere(r) (tickets[r] != 0)
#endif

#ifdef NO_LOCK
#define isLockFree true
#else
#define isLockFree (redis.lock == 0)
#endif

#ifdef NO_COMPLETE
#define isComplete true
#else
#define isComplete redis.isLoaded[me]
#endif

#ifdef NO_LATER_WINS
#define isSuperseded false
#else
#define isSuperseded (redis.epoch >= mine)
#endif

#ifdef NO_LATE_LOOKUP
#define isLookedUp(f) true
#else
#define isLookedUp(f) (tickets[reservationOf(f)] != 0)
#endif

#if defined(NO_MANDATORY) || defined(NO_CONFIRM)
#define acceptReturned(f) isAccepted[f] = 1
#else
#define acceptReturned(f) skip
#endif

#ifdef NO_CONFIRM
#define acceptUnconfirmed(f) isAccepted[f] = 1
#else
#define acceptUnconfirmed(f) skip
#endif

/*
 * lua/decide-frame.lua. `lowest` is the lowest free unit, `has` the unit that the reservation holds, `held` the
 * number of its buyer's units.
 */
inline decide(f, r) {
  code = NONE; unit = 0; granter = redis.epoch; has = 0; lowest = 0; held = 0;
  i = STOCK;
  do
  :: i > 0 ->
    i--;
    if
    :: redis.holder[i] == 0 -> lowest = i + 1
    :: else ->
      if
      :: buyerOf((redis.holder[i] - 1)) == buyerOf(r) -> held++
      :: else
      fi;
      if
      :: redis.holder[i] == r + 1 && isKnown(r, i) -> has = i + 1
      :: else
      fi
    fi
  :: else -> break
  od;
  if
  :: redis.epoch == 0 || isSeenRestarted -> code = UNKNOWN_SALE; staleEpoch = redis.epoch; granter = 0
  :: else ->
    if
    :: isRecorded(f) -> code = redis.recordCode[f]; unit = (code == GRANTED -> has : 0)
    :: else ->
      if
      :: has > 0 && (isKeyed(r) -> isKeyRecalled : isFrameRecalled) -> code = GRANTED; unit = has
      :: else ->
        if
        :: isRefusedBefore(f) -> code = redis.recordCode[f]
        :: !isRefusedBefore(f) && isKeyRecalled && isKeyed(r) && redis.keyCode != NONE -> code = redis.keyCode
        :: else ->
          if
          :: lowest == 0 -> code = SOLD_OUT
          :: lowest > 0 && held > 0 -> code = BUYER_LIMIT
          :: else -> code = GRANTED; unit = lowest; redis.holder[lowest - 1] = r + 1; noteGrant(lowest - 1)
          fi
        fi
      fi;
      redis.recordEpoch[f] = redis.epoch;
      redis.recordCode[f] = code;
      if
      :: isKeyed(r) && code > GRANTED -> redis.keyCode = code
      :: else
      fi
    fi
  fi;
  i = 0; has = 0; lowest = 0; held = 0;
  if
  :: code == GRANTED -> printf("worker %d: Redis grants frame %d unit %d, epoch %d\n", me, f, unit, granter)
  :: code == SOLD_OUT -> printf("worker %d: Redis refuses frame %d, sold out, epoch %d\n", me, f, granter)
  :: code == BUYER_LIMIT -> 
    printf("worker %d: Redis refuses frame %d, the buyer's limit, epoch %d\n", me, f, granter)
  :: code == UNKNOWN_SALE && isSeenRestarted ->
    printf("worker %d: Redis has started again since the sale of frame %d\n", me, f)
  :: else -> printf("worker %d: Redis does not know the sale of frame %d\n", me, f)
  fi
}

/* services/worker/ticket-writer.ts: one statement, and a look at what it did not insert. */
inline insert(r) {
  isStale = true; sold = 0;
  for (i : 0 .. FRAMES - 1) { sold = sold | tickets[i] }
  if
  :: !passesFence
  :: passesFence && isThere(r) -> isStale = !(tickets[r] & (1 << (unit - 1)))
  :: else ->
    if
    :: isUnitTaken(unit)
    :: else ->
      isInserted = 1;
      printf("worker %d: inserts the ticket of frame %d for unit %d\n", me, frame, unit);
      unit_sold_twice = (sold & (1 << (unit - 1))) != 0;
      reservation_has_two_tickets = tickets[r] != 0;
      assert(!unit_sold_twice);
      assert(!reservation_has_two_tickets);
      tickets[r] = tickets[r] | (1 << (unit - 1));
      isStale = false;
#ifndef LIMIT_IS_SOFT
      for (i : 0 .. FRAMES - 1) {
        if
        :: i != r && buyerOf(i) == buyerOf(r) && tickets[i] != 0 -> buyer_over_limit = true
        :: else
        fi
      }
      assert(!buyer_over_limit);
#endif
#ifdef REFUSED_FOR_GOOD
      refused_then_granted = isToldRefused[r];
      assert(!refused_then_granted);
#endif
    fi
  fi;
  i = 0; sold = 0;
  if
  :: isStale ->
    printf("worker %d: Postgres refuses unit %d for frame %d, granted in epoch %d\n", me, unit, frame, granter)
  :: !isStale && !isInserted ->
    printf("worker %d: Postgres has the ticket of frame %d for unit %d\n", me, frame, unit)
  :: else -> isInserted = 0
  fi
}

/* The worker publishes the outcome; the gateways pass it on. */
inline tell(r) {
  if
  :: code == GRANTED ->
    printf("worker %d: tells frame %d: granted\n", me, frame);
    granted_before_commit = tickets[r] == 0;
    assert(!granted_before_commit)
  :: else ->
    printf("worker %d: tells frame %d: refused\n", me, frame);
#ifndef REFUSAL_IS_SOFT
    holder_told_refused = tickets[r] != 0;
    assert(!holder_told_refused);
#endif
    isToldRefused[r] = true
  fi
}

/* A page of tickets: read from Postgres, gathered in Redis. */
inline readTickets() {
  for (i : 0 .. STOCK - 1) {
    read[i] = (tickets[0] & (1 << i) -> 1 : (tickets[1] & (1 << i) -> 2 : (tickets[2] & (1 << i) -> 3 : 0)))
  }
  i = 0;
  redis.isLoaded[me] = 1;
  printf("worker %d: reads the tickets\n", me)
}

/* lua/rebuild-sale.lua, and the lock is given back. */
inline startEpoch() {
  if
  :: isSuperseded
  :: else ->
    if
    :: isComplete ->
      redis.epoch = mine;
      noteRestart(0);
      printf("worker %d: starts epoch %d in Redis\n", me, mine);
      for (i : 0 .. STOCK - 1) {
        redis.holder[i] = (redis.isLoaded[me] -> read[i] : 0);
        noteTicket(i)
      }
      i = 0
    :: else -> mine = 0; printf("worker %d: finds what it loaded gone\n", me)
    fi
  fi;
  redis.isLoaded[me] = 0;
  read[0] = 0; read[1] = 0;
  if :: redis.lock == me + 1 -> redis.lock = 0 :: else fi
}

/* Another has rebuilt the sale. */
#define isCurrent (redis.epoch > staleEpoch && !isSeenRestarted)

/* A frame that this worker still has: another may have got it when the channel was lost. */
#define isMine (place[frame] == HELD + me)
#define forget code = NONE; unit = 0; granter = 0; staleEpoch = 0; mine = 0; isStale = false
#define rest frame = 0; forget; isBusy[me] = 0
#define crash \
  strike; \
  printf("worker %d: dies\n", me); \
  if :: isMine -> place[frame] = QUEUED :: else fi; \
  if :: redis.lock == me + 1 -> redis.lock = 0 :: else fi; \
  read[0] = 0; read[1] = 0; \
  rest

/* The workers are alike: while both are idle, it need not be the second. */
#define mayTake(f) (place[f] == QUEUED && (me == 0 || isBusy[0]))

/* services/worker: frame-consumer.ts, frame-processor.ts; services/shared/rebuild.ts. One frame in hand. */
proctype Worker(byte me) {
  byte frame, code, unit, granter, staleEpoch, mine;
  bit isStale;
  byte read[UNITS];

end_idle:
  atomic {
    if
    :: mayTake(0) -> frame = 0
    :: mayTake(1) -> frame = 1
    :: mayTake(2) -> frame = 2
    fi;
    place[frame] = HELD + me;
    isBusy[me] = 1;
    printf("worker %d: gets frame %d\n", me, frame)
  }
#ifdef NO_LATE_ACK
  d_step { place[frame] = ACKED; printf("worker %d: acks frame %d\n", me, frame) }
#endif

deciding:
  atomic {
  if
  :: d_step { decide(frame, reservationOf(frame)) }
  :: d_step { strike; decide(frame, reservationOf(frame)); forget;
      printf("worker %d: does not get the answer\n", me)
    };
    goto deciding
  :: d_step { crash }; goto end_idle
  fi;
  if
  :: code == UNKNOWN_SALE -> goto rebuilding
  :: code > GRANTED && code != UNKNOWN_SALE -> goto telling
  :: code == GRANTED
  fi
  };
#ifdef NO_LATE_TELL
  d_step { tell(reservationOf(frame)) };
#endif

committing:
  atomic {
  if
  :: d_step { insert(reservationOf(frame)) }
  :: d_step { strike; insert(reservationOf(frame)); isStale = false;
      printf("worker %d: does not get the answer\n", me)
    };
    goto committing
  :: d_step { crash }; goto end_idle
  fi;
  if
  :: isStale ->
    d_step { staleEpoch = granter; isStale = false; granter = 0; code = NONE; unit = 0 };
    goto rebuilding
  :: else
  fi
  };

telling:
  if
  :: d_step { tell(reservationOf(frame)) }
  :: d_step { crash }; goto end_idle
  fi;
  if
  :: d_step { if :: isMine -> place[frame] = ACKED; printf("worker %d: acks frame %d\n", me, frame) :: else fi;
      rest
    }
  :: d_step { crash }
  fi;
  goto end_idle;

rebuilding:
#ifdef NO_REBUILD
  atomic {
    if :: isMine -> place[frame] = DEAD :: else fi;
    printf("worker %d: dead-letters frame %d\n", me, frame);
    rest
  };
  goto end_idle;
#endif
  /* The lock, or another has rebuilt the sale. */
  if
  :: d_step { isLockFree -> redis.lock = me + 1; printf("worker %d: takes the lock\n", me) }
  :: d_step { isCurrent -> forget }; goto deciding
  /* It expired while its holder stood still. */
  :: d_step { redis.lock != 0 && strike; redis.lock = me + 1;
      printf("worker %d: takes the lock, which has expired\n", me)
    }
  :: d_step { crash }; goto end_idle
  fi;
raising:
  if
  :: d_step { isCurrent ->
      if :: redis.lock == me + 1 -> redis.lock = 0 :: else fi;
      forget
    };
    goto deciding
  :: d_step { !isCurrent -> mine = redis.epoch }
  :: d_step { crash }; goto end_idle
  fi;
#ifdef NO_RAISE_FIRST
  d_step { readTickets() };
#endif
  if
  :: d_step {
      epoch = (mine > epoch -> mine : epoch) + 1;
      mine = epoch;
      printf("worker %d: raises the epoch in Postgres to %d\n", me, epoch);
      rebuilds_without_end = epoch == MAX_EPOCH;
      assert(!rebuilds_without_end)
    }
  :: d_step { crash }; goto end_idle
  fi;
#ifndef NO_RAISE_FIRST
  if
  :: d_step { readTickets() }
  :: d_step { crash }; goto end_idle
  fi;
#endif
  atomic {
  if
  :: d_step { startEpoch() }
  :: d_step { crash }; goto end_idle
  fi;
  if
  :: mine == 0 -> goto rebuilding /* incomplete: once more */
  :: else -> d_step { forget }; goto deciding
  fi
  }
}

/* services/gateway: a frame and what its buyers hear. Nobody acts on the 202, so it can come in the same step. */
inline publish(f) {
  if
  :: d_step { place[f] = QUEUED; isAccepted[f] = 1; printf("gateway %d: frame %d is queued, 202\n", me, f) }
  /* The confirm is lost, or the gateway dies: 503 unconfirmed, or no answer. */
  :: d_step { strike; place[f] = QUEUED; acceptUnconfirmed(f);
      printf("gateway %d: frame %d is queued, its confirm is lost\n", me, f)
    }
  /* Lost on its way, or a nack: the queue is full. */
  :: d_step { strike; acceptUnconfirmed(f); printf("gateway %d: frame %d is lost\n", me, f) }
  /* The queue is missing: RabbitMQ confirms, and sends the frame back first if it is mandatory. */
  :: d_step { strike; acceptReturned(f); printf("gateway %d: frame %d finds no queue\n", me, f) }
  fi
}

proctype Gateway(byte me, first, second) {
  publish(first);
  if
  :: second < FRAMES -> publish(second)
  :: else
  fi;
  d_step { gatewaysAtWork-- }
}

/* GET /reservations/{id}: "granted" is only said of tickets. Changes nothing, so it costs no states. */
inline ask(f) {
  (redis.recordCode[f] == GRANTED && isLookedUp(f)) ->
  granted_before_commit = tickets[reservationOf(f)] == 0;
  if :: granted_before_commit -> printf("gateway: says that frame %d is granted\n", f) :: else fi;
  assert(!granted_before_commit)
}

#define isQuiet (gatewaysAtWork == 0 && !isBusy[0] && !isBusy[1])
#define isSettled(f) (place[f] == UNSENT || place[f] == ACKED || place[f] == DEAD)

inline loseAll() {
  redis.epoch = 0; redis.keyCode = NONE; redis.lock = 0; noteRestart(0); redis.isLoaded[0] = 0; redis.isLoaded[1] = 0;
  for (i : 0 .. FRAMES - 1) { redis.recordEpoch[i] = 0; redis.recordCode[i] = NONE }
  for (i : 0 .. UNITS - 1) { redis.holder[i] = 0 }
  i = 0
}

#ifdef SET_BACK
inline copy(to, from) {
  to.epoch = from.epoch; to.keyCode = from.keyCode;
  for (i : 0 .. FRAMES - 1) { to.recordEpoch[i] = from.recordEpoch[i]; to.recordCode[i] = from.recordCode[i] }
  for (i : 0 .. UNITS - 1) { to.holder[i] = from.holder[i] }
  i = 0
}
#endif

#define holds(r, buyer) (buyerOf(r) == buyer && tickets[r] != 0)
#define hasNone(buyer) (!holds(0, buyer) && !holds(1, buyer) && !holds(2, buyer))

/* What else happens, and the end. */
proctype World() {
end_world:
  do
  :: d_step { ask(0) }
  :: d_step { ask(1) }
  :: d_step { ask(2) }
  /* Redis loses all its data. */
  :: d_step { strike; loseAll(); redis.epoch = 0; printf("Redis loses everything\n") }
#ifdef SET_BACK
  :: d_step { !hasOlder -> hasOlder = 1; copy(older, redis); printf("Redis writes its file\n") }
  :: d_step { hasOlder && strike; loseAll(); copy(redis, older); noteRestart(1); hasOlder = 0;
      printf("Redis starts again from its file\n")
    }
#endif
#ifndef CHANNELS_HOLD
  /* A worker's channel is lost: RabbitMQ hands the frame out again, and the worker goes on. */
  :: d_step { place[0] >= HELD && strike; place[0] = QUEUED; printf("frame 0 loses its channel\n") }
  :: d_step { place[1] >= HELD && strike; place[1] = QUEUED; printf("frame 1 loses its channel\n") }
  :: d_step { place[2] >= HELD && strike; place[2] = QUEUED; printf("frame 2 loses its channel\n") }
  /* RabbitMQ starts again. */
  :: d_step { strike;
      for (i : 0 .. FRAMES - 1) {
        if
#ifdef NO_DURABLE
        :: place[i] == QUEUED || place[i] >= HELD -> place[i] = UNSENT
#else
        :: place[i] >= HELD -> place[i] = QUEUED
#endif
        :: else
        fi
      }
      i = 0;
      printf("RabbitMQ starts again\n")
    }
#endif
  :: d_step { isQuiet && isSettled(0) && isSettled(1) && isSettled(2) ->
      for (i : 0 .. FRAMES - 1) {
        if
        :: isAccepted[i] && tickets[reservationOf(i)] == 0 && !isToldRefused[reservationOf(i)] ->
          accepted_and_lost = true
        :: else
        fi;
        sold = sold + (tickets[i] & 1) + (tickets[i] >> 1)
      }
      assert(!accepted_and_lost);
      for (i : 0 .. FRAMES - 1) {
        if
        :: isToldRefused[i] && sold < STOCK && hasNone(buyerOf(i)) ->
          undersold = true
        :: else
        fi
      }
#ifndef UNDERSALE_IS_SOFT
      assert(!undersold);
#endif
      i = 0; sold = 0
    };
    break
  od
}

init {
  atomic {
    run Gateway(0, 0, SECOND);
    run Gateway(1, 1, FRAMES);
    run Worker(0);
    run Worker(1);
    run World()
  }
}
