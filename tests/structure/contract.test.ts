import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commands, events } from '../../contract/contract.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');

describe('the contract', () => {
  it('names commands area.verbNoun and events area.nounHappened', () => {
    for (const name of Object.keys(commands)) expect(name).toMatch(/^[a-z]+\.[a-z]+([A-Z][a-zA-Z]*)?$/);
    for (const name of Object.keys(events)) expect(name).toMatch(/^[a-z]+\.([a-z]+[A-Z][a-z]+|[a-z]+ing)$/);
  });

  it('has exactly one handler for each command', () => {
    const centre = read('control/command-handlers.ts');
    for (const name of Object.keys(commands)) expect(centre.split(`'${name}':`).length - 1, name).toBe(1);
  });

  it('emits each event somewhere', () => {
    const centre = read('control/control-centre.ts') + read('control/command-handlers.ts');
    for (const name of Object.keys(events)) expect(centre, name).toContain(`emit('${name}'`);
  });

  it('numbers every event, so that a frontend can tell it from an older snapshot', () => {
    for (const [name, schema] of Object.entries(events))
      expect(Object.keys(schema.shape), name).toContain('seq');
  });

  it('parses the defaults of the settings', () => {
    expect(commands['settings.saveSettings'].input.parse({})).toMatchObject({
      provider: 'auto',
      gateways: 1,
      workers: 1,
    });
  });
});
