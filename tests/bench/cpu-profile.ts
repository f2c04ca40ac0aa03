/** Where the CPU of a process went, from the profile that Node writes with `--cpu-prof`. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** A process loads its modules once, however long it works then. */
const LOADING = /node:internal\/(modules|bootstrap)/;

/**
 * CPU ms in functions from URLs like `module` and in all that they call, without the loading of modules.
 * @param alone functions from these URLs count without what they call
 */
export function cpuMsIn(file: string, module: RegExp, alone: RegExp): number {
  const { nodes, samples, timeDeltas } = profileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const ownMicros = new Map<number, number>();
  samples.forEach((id, at) => ownMicros.set(id, (ownMicros.get(id) ?? 0) + (timeDeltas[at] ?? 0)));
  let micros = 0;
  const walk = (id: number, isWithin: boolean): void => {
    const node = byId.get(id);
    if (!node || LOADING.test(node.callFrame.url)) return;
    const counts = isWithin || module.test(node.callFrame.url);
    if (counts || alone.test(node.callFrame.url)) micros += ownMicros.get(id) ?? 0;
    for (const child of node.children ?? []) walk(child, counts);
  };
  if (nodes[0]) walk(nodes[0].id, false);
  return micros / 1_000;
}
