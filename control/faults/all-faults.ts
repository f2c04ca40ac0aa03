/** Every kind of fault, and what carries it out. A kind without its line does not compile. */
import type { FaultKind } from '../../contract/faults.ts';
import type { Fault } from './fault.ts';
import { kill } from './kill.ts';
import { pause } from './pause.ts';
import { restart } from './restart.ts';

export const ALL_FAULTS: Readonly<Record<FaultKind, Fault>> = { kill, pause, restart };
