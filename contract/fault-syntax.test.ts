import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FAULT_EVENTS,
  FaultSyntaxError,
  faultText,
  faultsTitle,
  outcomeTitle,
  parseFaults,
  type FaultEvent,
  type FaultMoment,
} from './fault-syntax.ts';
import { FAULT_KINDS, allTargets, faultKind, memberOf } from './faults.ts';

const moment: fc.Arbitrary<FaultMoment> = fc.oneof(
  fc.record({ afterMs: fc.integer({ min: 0, max: 3_600_000 }) }),
  fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ event: fc.constantFrom(...(Object.keys(FAULT_EVENTS) as FaultEvent[])) }),
);
const spec = fc.constantFrom(...FAULT_KINDS).chain((kind) => {
  const { lastsMs, value } = faultKind(kind);
  const targets = allTargets(kind);
  const common = { kind: fc.constant(kind), target: fc.constantFrom(...targets), at: moment };
  const values =
    value && ('choices' in value ? fc.constantFrom(...value.choices) : fc.integer(value).map(String));
  const base = values ? { ...common, value: values } : common;
  return lastsMs === undefined
    ? fc.record(base)
    : fc.record({ ...base, lengthMs: fc.integer({ min: 1, max: 3_600_000 }) });
});

describe('a schedule of faults', () => {
  it('names a member by what it is at that moment, or by its name', () => {
    const [leader, member] = parseFaults('kill:rabbitmq-leader@1s partition:postgres-2@1s+9s');
    expect(memberOf(leader?.target ?? '')).toEqual({ role: 'rabbitmq', member: 'leader' });
    expect(memberOf(member?.target ?? '')).toEqual({ role: 'postgres', member: 'postgres-2' });
    expect(['redis', 'worker-2', 'worker-redis'].map(memberOf)).toEqual([undefined, undefined, undefined]);
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 5 }), (faults) => {
        expect(parseFaults(faults.map(faultText).join('  '))).toEqual(faults);
      }),
    );
  });

  it('takes a length from the table when none is given', () => {
    expect(parseFaults('pause:worker-2@25%')).toEqual([
      { kind: 'pause', target: 'worker-2', at: { percent: 25 }, lengthMs: 2_000 },
    ]);
  });

  it('takes a value with a sign and its unit, and writes it without', () => {
    const texts = [
      'clock:gateway=+300s@1s',
      'clock:gateway=300@1s',
      'clock:worker=-60s@1s',
      'clock:worker@1s',
    ];
    expect(texts.map((text) => parseFaults(text)[0]?.value)).toEqual(['300', '300', '-60', '300']);
  });

  it.each([
    ['clock:worker=5ms@1s', /clock takes time ahead in s: -86400 to 86400 \(default 300\)/],
    ['clock:worker=+@1s', /clock takes time ahead/],
    ['clock:worker=90000@1s', /clock takes time ahead/],
    ['kill', /"kill": write KIND:TARGET/],
    ['burn:worker@1s', /no fault "burn"; take kill, pause, restart/],
    ['delay:worker-redis=0@1s', /delay takes delay in ms: 1 to 60000 \(default 200\)/],
    ['half-open:worker-redis=up@1s', /half-open takes swallowed direction: requests, answers, both/],
    ['kill:worker=9@1s', /kill takes no value/],
    ['kill:everybody@1s', /no target "everybody"; take gateway, worker/],
    ['flush:redis-2@1s', /no target "redis-2"/],
    ['kill:redis-leader@1s', /take .*rabbitmq-leader, redis-primary, postgres-primary/],
    ['kill:worker@later', /"later" is no moment; take a time .*, or start, first-grant, sold-out, drain/],
    ['kill:worker@101%', /"101%" is no moment/],
    ['kill:worker@2h', /"2h" is no moment/],
    ['kill:worker@1s+2s', /kill is over at once: leave out \+2s/],
    ['pause:worker@1s+0s', /"0s" is no length/],
    ['pause:worker@1s+9999s', /"9999s" is no length; take 500ms or 2s, at most 3600s/],
  ])('says of %s what is wrong and what to write', (text, message) => {
    expect(() => parseFaults(text)).toThrow(FaultSyntaxError);
    expect(() => parseFaults(text)).toThrow(message);
  });

  it('never ends in another error, whatever is given', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseFaults(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FaultSyntaxError);
        }
      }),
    );
  });

  it('gives a run its title: the only fault, or how many there are', () => {
    expect(faultsTitle('')).toBeUndefined();
    expect(faultsTitle('pause:redis@1s')).toBe('Redis paused for 2 s');
    expect(faultsTitle('kill:worker@1s kill:redis@2s')).toBe('2 faults');
  });

  it('of a later version is told as it was written', () => {
    expect(outcomeTitle({ fault: 'kill:worker@1s', target: 'worker-1' })).toBe('worker-1 killed');
    expect(outcomeTitle({ fault: 'melt:worker@1s', target: 'worker-1' })).toBe('melt:worker@1s');
  });
});
