/** Failures of the services, and when each happens; contract/failures.ts adds those of the control centre. */
export const SERVICE_FAILURES = {
  'config.invalid': 'An environment variable of a gateway or worker is missing or has an unusable value.',
  'gateway.postgresAway': 'A gateway could not use Postgres when it started.',
  'gateway.rabbitmqAway': 'A gateway could not use RabbitMQ when it started.',
  'gateway.redisAway': 'A gateway could not use Redis when it started.',
  'migrations.checksumChanged': 'A migration was changed after the database had applied it.',
  'migrations.failed': 'A migration failed and was undone.',
  'migrations.failedEarlier': 'A migration failed, or was cut short, when another process applied it.',
  'migrations.locked': 'Another process has held the lock on the migrations for too long.',
  'migrations.unknownMigration': 'A newer version of FlashGrid has changed this database.',
  'service.crashed': 'A gateway or worker ended because of an unexpected error.',
  'service.startTimeout': 'A gateway or worker was not ready in time.',
  'service.stopTimeout': 'A gateway or worker did not stop in time and was ended.',
  'worker.backendUnreachable': 'A worker could not use RabbitMQ, Redis or Postgres when it started.',
} as const;
export type ServiceFailureCode = keyof typeof SERVICE_FAILURES;

/** Why a service or a migration can't start or go on: `code`, `message` and `fix` reach the user. */
export class ServiceError extends Error {
  override readonly name: string = 'ServiceError';
  readonly code: ServiceFailureCode;
  readonly fix: string;
  constructor(code: ServiceFailureCode, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }
}
