/** Every kind of fault, and what carries it out. A kind without its line does not compile. */
import type { FaultKind } from '../../contract/faults.ts';
import type { HalfOpenDirection } from '../../contract/links.ts';
import type { Fault } from './fault.ts';
import { clock } from './clock.ts';
import { die } from './die.ts';
import { flush } from './flush.ts';
import { corrupt, duplicate, hold, reorder, resend } from './frames.ts';
import { freeze } from './freeze.ts';
import { halt } from './halt.ts';
import { kill } from './kill.ts';
import { late } from './late.ts';
import { linkFault } from './link-faults.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { diskFull, noConnections, readOnly } from './postgres-faults.ts';
import { diskAlarm, fullQueue, memoryAlarm, noQueue } from './rabbitmq-faults.ts';
import { restart } from './restart.ts';
import { lose, setBack } from './set-back.ts';

export const ALL_FAULTS: Readonly<Record<FaultKind, Fault>> = {
  kill,
  pause,
  restart,
  die,
  halt,
  freeze,
  clock,
  flush,
  lose,
  'set-back': setBack,
  'disk-alarm': diskAlarm,
  'memory-alarm': memoryAlarm,
  'full-queue': fullQueue,
  'no-queue': noQueue,
  'read-only': readOnly,
  'no-connections': noConnections,
  'disk-full': diskFull,
  duplicate,
  resend,
  reorder,
  hold,
  late,
  corrupt,
  cut: linkFault(() => ({ kind: 'cut' })),
  reset: linkFault(() => ({ kind: 'reset' })),
  delay: linkFault((value) => ({ kind: 'delay', ms: Number(value), jitterMs: 0 })),
  jitter: linkFault((value) => ({ kind: 'delay', ms: 0, jitterMs: Number(value) })),
  throttle: linkFault((value) => ({ kind: 'throttle', bytesPerSec: Number(value) })),
  'half-open': linkFault((value) => ({ kind: 'halfOpen', direction: value as HalfOpenDirection })),
  partition,
};
