/** The settings of the app, with their ranges and defaults. */
import { z } from 'zod';
import '../services/shared/plain-issues.ts';
import { attackProfileSchema } from './attack-profile.ts';
import { providerSchema } from './backends.ts';
import { EXTERNAL_URLS, exampleFor, urlProblem, type ExternalUrl } from './external-urls.ts';

export const providerChoiceSchema = z.enum(['auto', ...providerSchema.options]);
export type ProviderChoice = z.infer<typeof providerChoiceSchema>;

const port = z.number().int().min(0).max(65_535);

/** Empty, or a URL with the right scheme. */
const externalUrl = (field: ExternalUrl['field']) =>
  z
    .string()
    .trim()
    .max(500)
    .superRefine((text, context) => {
      const target = EXTERNAL_URLS.find((one) => one.field === field);
      const problem = target && text !== '' ? urlProblem(target, text) : undefined;
      if (target && problem !== undefined)
        context.addIssue({ code: 'custom', message: `${problem}, like ${exampleFor(target, text)}` });
    })
    .default('');

/** Where traces go, by OTLP/HTTP. Its headers, and with them passwords, stay in the environment. */
export const otlpUrlSchema = z
  .string()
  .trim()
  .max(500)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, 'must begin with http:// or https:// and name a host, without user and password, like http://127.0.0.1:4318');

export const settingsSchema = z.strictObject({
  provider: providerChoiceSchema.default('auto'),
  /** Three brokers, a Redis and a Postgres that fail over: the cluster survives the end of any one of them. */
  highlyAvailable: z.boolean().default(false),
  gateways: z.number().int().min(1).max(16).default(1),
  workers: z.number().int().min(1).max(16).default(1),
  /** 0 takes a free port. */
  gatewayPort: port.default(0),
  /** Ports of the backends that FlashGrid starts. 0 takes a free port. */
  backendPorts: z
    .strictObject({ rabbitmq: port.default(0), redis: port.default(0), postgres: port.default(0) })
    .prefault({}),
  images: z
    .strictObject({
      registry: z.string().max(200).default(''),
      rabbitmq: z.string().min(1).max(300).default('rabbitmq:4-management-alpine'),
      redis: z.string().min(1).max(300).default('redis:8-alpine'),
      postgres: z.string().min(1).max(300).default('postgres:18-alpine'),
      /** Below the image that is made for highly available clusters. */
      debian: z.string().min(1).max(300).default('debian:trixie-slim'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      /** MiB of memory for each container. */
      memoryMb: z.number().int().min(256).max(65_536).default(2_048),
      /** Cores for each container; 0: no limit. */
      cpus: z.number().min(0).max(128).default(0),
    })
    .prefault({}),
  external: z
    .strictObject({
      amqpUrl: externalUrl('amqpUrl'),
      redisUrl: externalUrl('redisUrl'),
      postgresUrl: externalUrl('postgresUrl'),
    })
    .prefault({}),
  /** `otlpUrl`: where gateways and workers send their traces; empty: there are none. */
  traces: z.strictObject({ otlpUrl: otlpUrlSchema.or(z.literal('')).default('') }).prefault({}),
  /** Attacks that the user saved. */
  profiles: z.array(attackProfileSchema).max(100).default([]),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  isProjectorMode: z.boolean().default(false),
  /** What closing the window does with a running cluster. */
  onQuit: z.enum(['ask', 'stop', 'keep']).default('ask'),
});
export type Settings = z.infer<typeof settingsSchema>;
