import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTACK_PRESETS } from '../../contract/attack-presets.ts';
import { faultTitle } from '../../contract/fault-syntax.ts';
import { FAULT_KINDS, faultKind, isTarget } from '../../contract/faults.ts';
import {
  MOMENTS,
  NEW_FAULT,
  momentKind,
  readFaults,
  targetsOf,
  timelineOf,
  withKind,
  writeFaults,
  type MomentKind,
} from './fault-draft.ts';

const TEXT = 'kill:worker@25% pause:redis@1s+2s restart:worker-2@sold-out pause:postgres@start+500ms';

describe('the faults of a form', () => {
  it('come back from their text as they were', () => {
    expect(writeFaults(readFaults(TEXT) ?? [])).toBe(TEXT);
    expect(writeFaults(readFaults(writeFaults([NEW_FAULT])) ?? [])).toBe('kill:worker@25%');
    expect(readFaults('')).toEqual([]);
    expect(readFaults('kill:worker')).toBeUndefined();
    for (const { settings } of ATTACK_PRESETS) expect(readFaults(settings.faults ?? '')).toBeDefined();
  });

  it('can be read again whatever is chosen for them', () => {
    const change = fc.tuple(
      fc.constantFrom(...FAULT_KINDS),
      fc.constantFrom(...(Object.keys(MOMENTS) as MomentKind[])),
      fc.nat(100),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        let fault = NEW_FAULT;
        for (const [kind, moment, pick] of changes) {
          fault = { ...withKind(fault, kind), at: MOMENTS[moment].start };
          const targets = targetsOf(fault, ['gateway-1', 'worker-1', 'worker-2']);
          fault = { ...fault, target: targets[pick % targets.length] ?? '' };
          expect(readFaults(writeFaults([fault]))).toEqual([fault]);
          expect(momentKind(fault.at)).toBe(moment);
        }
      }),
    );
  });

  it('keep target and length when another fault can have them', () => {
    const [, pause = NEW_FAULT] = readFaults(TEXT) ?? [];
    expect(withKind(pause, 'kill')).toEqual({ kind: 'kill', target: 'redis', at: { afterMs: 1_000 } });
    for (const kind of FAULT_KINDS) {
      const fault = withKind(pause, kind);
      expect(isTarget(kind, fault.target), kind).toBe(true);
      expect(fault.value !== undefined, kind).toBe(faultKind(kind).value !== undefined);
      expect(fault.lengthMs !== undefined, kind).toBe(faultKind(kind).lastsMs !== undefined);
      expect(faultTitle(fault)).toContain(faultKind(kind).done);
    }
  });
});

describe('their timeline', () => {
  it('has a lane for each way to say when, with each fault at its place', () => {
    const lanes = timelineOf(readFaults(TEXT) ?? []);
    expect(lanes.map(({ title, marks }) => [title, marks.map(({ number }) => number)])).toEqual([
      ['Time since the first request', [2]],
      ['Share of the requests that are answered', [1]],
      ['Events', [3, 4]],
    ]);
    expect(lanes[0]?.marks[0]).toEqual({ number: 2, from: 1 / 3, to: 1, row: 0 });
    expect(lanes[1]?.marks[0]).toEqual({ number: 1, from: 0.25, row: 0 });
    expect(lanes[2]?.marks.map(({ from }) => from)).toEqual([2 / 3, 0]);
    expect(timelineOf([])).toEqual([]);
  });

  it('goes to the end of an attack that has one', () => {
    const [lane] = timelineOf(readFaults('kill:redis@2s') ?? [], 8_000);
    expect(lane?.marks[0]?.from).toBe(0.25);
  });

  it('gives faults at the same moment lines of their own', () => {
    const [lane] = timelineOf(
      readFaults('pause:redis@1s+2s kill:worker@2s kill:gateway@2s kill:worker@9s') ?? [],
    );
    expect(lane?.marks.map(({ row }) => row)).toEqual([0, 1, 2, 0]);
  });
});
