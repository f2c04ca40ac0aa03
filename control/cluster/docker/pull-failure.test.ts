import { expect, test } from 'vitest';
import { pullFailure, pullFaultOf } from './pull-failure.ts';

test.each([
  [
    'name',
    "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
  ],
  ['name', 'manifest for redis:999 not found: manifest unknown: manifest unknown'],
  ['name', 'invalid reference format'],
  ['credentials', 'Get "https://registry.example/v2/": no basic auth credentials'],
  [
    'credentials',
    'Head "https://registry.example/v2/redis/manifests/8": unauthorized: authentication required',
  ],
  [
    'disk',
    'failed to register layer: Error processing tar file(exit status 1): write /noise1: no space left on device',
  ],
  ['disk', 'write /var/lib/docker/tmp/GetImageBlob123: no space left on device: unexpected EOF'],
  ['network', 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'],
  [
    'network',
    'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
  ],
  ['network', 'unexpected EOF'],
  ['network', 'toomanyrequests: You have reached your pull rate limit'],
  ['network', 'received unexpected HTTP status: 503 Service Unavailable'],
  ['other', 'the moon is full'],
] as const)('%s is the cause of: %s', (fault, text) => {
  expect(pullFaultOf(text)).toBe(fault);
});

test('every cause has a code of its own, names the image, and says what to do', () => {
  const texts = [
    'manifest unknown',
    'unauthorized',
    'no space left on device',
    'unexpected EOF',
    'the moon is full',
  ];
  const failures = texts.map((text) => pullFailure('redis:8', text, 'docker.image.redis'));
  expect(new Set(failures.map(({ code }) => code)).size).toBe(texts.length);
  for (const { code, message, fix, step } of failures) {
    expect(code).toMatch(/^docker\.pull[A-Z]/);
    expect(message).toContain('redis:8');
    expect(fix.length).toBeGreaterThan(10);
    expect(step).toBe('docker.image.redis');
  }
});
