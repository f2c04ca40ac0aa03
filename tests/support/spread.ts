/** The order of test files: those that run one at a time are spread among the others. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects whose files wait for each other (one-at-a-time.ts). */
const ONE_AT_A_TIME: readonly string[] = ['ui', 'docker', 'electron'];

/**
 * Vitest would run project after project: both workers would meet files that wait for each other. This keeps its order in a
 * group for each of the two kinds, and mixes them evenly, so that there is always one that need not wait.
 */
export class Spread extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const kindOf = ({ project }: TestSpecification) =>
      `${project.config.sequence.groupOrder} ${ONE_AT_A_TIME.includes(project.name)}`;
    const kinds = new Map<string, TestSpecification[]>();
    for (const file of await super.sort(files))
      kinds.set(kindOf(file), [...(kinds.get(kindOf(file)) ?? []), file]);
    const placed = [...kinds].flatMap(([kind, ofKind]) => {
      // One that need not wait is first: of two others, one would hold a worker and wait.
      const first = kind.endsWith('true') ? 0.5 : 0;
      return ofKind.map((file, at) => ({ file, place: (at + first) / ofKind.length }));
    });
    return placed.sort((a, b) => a.place - b.place).map(({ file }) => file);
  }
}
