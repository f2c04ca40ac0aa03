/** The volume with the data of one backend. */
import { BACKEND_TITLES } from '../../../contract/backends.ts';
import { randomUUID } from 'node:crypto';
import { FailureError } from '../../../contract/failure.ts';
import { commandLine } from '../../lib/command-line.ts';
import { dataVersion } from './backend-spec.ts';
import { labelsOf } from './container-config.ts';
import { ask, unless } from './errors.ts';
import { DATA_LABEL, isOurs, partName, SECRET_LABEL, VOLUME_ID_LABEL } from './labels.ts';
import type { BackendUse } from './surrounding.ts';

/**
 * Makes the volume where it is missing.
 * @param made gets the name of a volume before it is made
 * @returns its id, which we gave it: the daemon's own time of creation moves with every write (Docker 20.10)
 * @throws FailureError when the volume that is there can't be used
 */
export async function ensureVolume(use: BackendUse, made: Set<string>): Promise<string> {
  const { around, spec, facts, step } = use;
  const name = partName(around.clusterId, spec.role);
  const { docker, file } = around;
  const { role } = spec;
  const wanted = { secret: file.passwordHash(role), data: dataVersion(role, facts) };
  return await ask(step.id, `preparing the volume ${name}`, async () => {
    const info = await unless([404], docker.getVolume(name).inspect());
    if (info) {
      checkVolume(use, info.Labels, wanted);
      return info.Labels[VOLUME_ID_LABEL] ?? '';
    }
    // Added first: when the daemon's answer is lost, the undo still removes the volume.
    made.add(name);
    const volumeId = randomUUID();
    await docker.createVolume({
      Name: name,
      Labels: {
        ...labelsOf(around, spec),
        [VOLUME_ID_LABEL]: volumeId,
        [SECRET_LABEL]: wanted.secret,
        [DATA_LABEL]: wanted.data,
      },
    });
    return volumeId;
  });
}

function checkVolume(
  use: BackendUse,
  labels: Record<string, string> | null,
  wanted: { readonly secret: string; readonly data: string },
): void {
  const { around, spec, step } = use;
  const name = partName(around.clusterId, spec.role);
  if (!isOurs(labels, around.clusterId)) {
    throw new FailureError({
      code: 'docker.nameTaken',
      message: `There is a volume ${name} that FlashGrid did not make.`,
      fix: `Rename or remove it yourself ("docker volume rm ${name}"): FlashGrid never touches what lacks its label.`,
      step: step.id,
    });
  }
  if (labels?.[DATA_LABEL] !== wanted.data) {
    throw new FailureError({
      code: 'docker.dataVersion',
      message: `The volume ${name} was written by ${labels?.[DATA_LABEL] ?? 'another version'}; the image ${spec.image} (${wanted.data}) can't read it.`,
      fix: `Set the image back to that version in the settings, or give the data up with \`${commandLine('down --reset')}\`.`,
      step: step.id,
    });
  }
  if (labels[SECRET_LABEL] !== wanted.secret) throw wrongPassword(use);
}

/** The data in the volume needs another password than the one that we have. */
export function wrongPassword({ around, spec, step }: BackendUse, cause?: unknown): FailureError {
  const name = partName(around.clusterId, spec.role);
  return new FailureError(
    {
      code: 'docker.passwordLost',
      message: `The data of ${BACKEND_TITLES[spec.role]} in the volume ${name} was made with another password than the one in the data folder.`,
      fix: `Bring the data folder back, or give the data up with \`${commandLine('down --reset')}\`.`,
      step: step.id,
    },
    cause === undefined ? undefined : { cause },
  );
}
