/**
 * The backends' passwords, and the volumes that have been proven to work, in one file that only its owner can
 * read.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FailureError } from '../../../contract/failure.ts';
import type { BackendRole } from '../../../contract/backends.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { parseJson } from '../../../services/shared/parse-json.ts';
import { commandLine } from '../../lib/command-line.ts';

const FILE_NAME = 'docker-cluster.json';
const password = z.string().min(16);
const fileSchema = z.object({
  schema: z.literal('flashgrid.docker/1'),
  clusterId: z.string(),
  passwords: z.object({ rabbitmq: password, redis: password, postgres: password }),
  /** Role → id of its volume, once its data has been served. */
  provenVolumes: z.partialRecord(z.enum(['rabbitmq', 'redis', 'postgres']), z.string()),
});
type Content = z.infer<typeof fileSchema>;

export class ClusterFile {
  readonly #path: string;
  #content: Content;

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  /**
   * Reads the file, or makes it with fresh passwords.
   * @throws FailureError `docker.badClusterFile`
   */
  static open(dataDir: string, clusterId: string): ClusterFile {
    const path = join(dataDir, FILE_NAME);
    if (existsSync(path)) {
      const content = parseJson(readFileSync(path, 'utf8'), fileSchema);
      if (content?.clusterId === clusterId) return new ClusterFile(path, content);
      throw new FailureError({
        code: 'docker.badClusterFile',
        message: `${path} is damaged, or belongs to another cluster than ${clusterId}.`,
        fix: `Reset the cluster (\`${commandLine('down --reset')}\`): that removes the file together with the containers and volumes that it belongs to.`,
      });
    }
    const fresh = (): string => randomBytes(24).toString('hex');
    const file = new ClusterFile(path, {
      schema: 'flashgrid.docker/1',
      clusterId,
      passwords: { rabbitmq: fresh(), redis: fresh(), postgres: fresh() },
      provenVolumes: {},
    });
    // Written before any container gets a password: a crash in between must not lose it.
    file.#save();
    return file;
  }

  password(role: BackendRole): string {
    return this.#content.passwords[role];
  }

  /** A hash that tells passwords apart. It reveals none: a password has 192 random bits. */
  passwordHash(role: BackendRole): string {
    return createHash('sha256').update(this.password(role)).digest('hex').slice(0, 16);
  }

  isProven(role: BackendRole, volumeId: string): boolean {
    return this.#content.provenVolumes[role] === volumeId;
  }

  setProven(role: BackendRole, volumeId: string): void {
    if (this.isProven(role, volumeId)) return;
    this.#content = {
      ...this.#content,
      provenVolumes: { ...this.#content.provenVolumes, [role]: volumeId },
    };
    this.#save();
  }

  /** Removes the file, of a reset. */
  static remove(dataDir: string): void {
    rmSync(join(dataDir, FILE_NAME), { force: true });
  }

  #save(): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileAtomic(this.#path, JSON.stringify(this.#content, null, 2));
  }
}
