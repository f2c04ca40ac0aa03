import { describe, expect, it } from 'vitest';
import { UsageError, readAttack, readCount } from '../contract/attack-options.ts';
import { TERMINAL_COMMANDS, helpText, parseTerminal, readOtlpUrl, readProvider } from './args.ts';

const attack = (...argv: string[]) => readAttack(parseTerminal(['demo', ...argv]).values);

describe('the terminal’s options', () => {
  it('give the attack on the poster when nothing is said', () => {
    expect(attack()).toMatchObject({
      profile: 'burst',
      requests: 10_000,
      connections: 1_000,
      stock: 20,
      mode: 'queue',
      seed: 1,
    });
  });

  it('make a sustained attack of a rate and a duration', () => {
    expect(attack('--rate', '2600', '--duration', '20')).toMatchObject({
      profile: 'sustained',
      ratePerSec: 2_600,
      durationSec: 20,
    });
  });

  it('change a preset where they are given', () => {
    expect(attack('--preset', 'stadium', '--stock', '7')).toMatchObject({ requests: 100_000, stock: 7 });
  });

  it('take thresholds one after another, and name one that is misspelt', () => {
    expect(attack('--slo', 'p99<50ms', 'rps>20000', '--stock', '7', '--slo', 'unknown==0')).toMatchObject({
      slo: 'p99<50ms rps>20000 unknown==0',
      stock: 7,
    });
    expect(() => attack('--slo', 'p98<50ms')).toThrow(
      '--slo: "p98<50ms": there is no metric "p98", only p50',
    );
    expect(() => attack('p99<50ms')).toThrow(UsageError);
  });

  it('break the workers on purpose where that is asked for', () => {
    expect(attack()).not.toHaveProperty('faults');
    expect(attack('--fault', 'kill:worker@30%', '--fault', 'pause:redis@1000ms')).toMatchObject({
      faults: 'kill:worker@30% pause:redis@1s+2s',
    });
    expect(attack('--preset', 'crash')).toMatchObject({ faults: 'kill:workers@25%' });
  });

  it('open no more sockets than there are buyers, unless that was asked for', () => {
    expect(attack('--requests', '5')).toMatchObject({ requests: 5, connections: 5 });
    expect(() => attack('--requests', '5', '--connections', '6')).toThrow(
      /--connections 6 is more than --requests 5/,
    );
  });

  it.each([
    [['--requests', 'many'], /--requests takes a number/],
    [['--requests', '0'], /--requests/],
    [['--rate', '100'], /--duration/],
    [['--rate', '100', '--duration', '5', '--requests', '9'], /--requests does not go with --rate/],
    [['--mode', 'maybe'], /--mode/],
    [['--preset', 'nope'], /--preset knows/],
    [['--limit', '11'], /--limit/],
    [['--max-p99', '0'], /--max-p99/],
    [['--fault', 'kill:everybody@1s'], /--fault: .*no target "everybody"; take gateway, worker/],
  ])('refuse %j and name the option', (argv, message) => {
    expect(() => attack(...argv)).toThrow(UsageError);
    expect(() => attack(...argv)).toThrow(message);
  });

  it('refuse unknown commands and options', () => {
    expect(() => parseTerminal(['dance'])).toThrow(UsageError);
    expect(() => parseTerminal(['demo', '--dance'])).toThrow(UsageError);
    expect(() => parseTerminal(['up', '--requests', '5'])).toThrow(UsageError);
  });

  it('refuse a provider or a count that does not exist', () => {
    for (const otlp of ['localhost:4318', 'amqp://h', 'http://u:p@h', ''])
      expect(() => readOtlpUrl({ otlp }), otlp).toThrow(/--otlp must begin with http/);
    expect(readOtlpUrl({ otlp: 'http://127.0.0.1:4318' })).toBe('http://127.0.0.1:4318');
    expect(() => readProvider({ provider: 'cloud' })).toThrow(
      /--provider knows auto, native, docker, external/,
    );
    expect(() => readCount({ gateways: '17' }, 'gateways', 1, 16)).toThrow(
      /--gateways must be a whole number from 1 to 16/,
    );
  });
});

describe('the help', () => {
  it('lists every command, and every option of a command', () => {
    for (const [name, { options }] of Object.entries(TERMINAL_COMMANDS)) {
      expect(helpText(undefined, 100)).toContain(`  ${name}`);
      for (const option of Object.keys(options)) expect(helpText(name, 100)).toContain(`--${option}`);
    }
  });

  it('is given for --help anywhere', () => {
    expect(parseTerminal(['demo', '--help'])).toMatchObject({ command: 'help', positionals: ['demo'] });
    expect(parseTerminal([])).toMatchObject({ command: 'help' });
  });
});
