/** Faults of the links between two parts, through the proxy of links/. */
import { tookEffect, type LinkEffect, type LinkFault, type LinkName } from '../../contract/links.ts';
import { byteSize, milliseconds, plural } from '../../contract/format.ts';
import type { Fault } from './fault.ts';

/** Together: each time that links are put in, the services at their ends start again. */
const putLinks: NonNullable<Fault['prepare']> = (targets, { links }) => links.put(targets as LinkName[]);

/** A fault of a link; `of` makes it from the value that was given. */
export function linkFault(of: (value: string) => LinkFault): Fault {
  return {
    check: () => undefined,
    prepare: putLinks,
    async inject(target, { links }, { value }) {
      const fault = of(value);
      // One that a person breaks now was not put in before the attack.
      await links.put([target as LinkName]);
      const link = links.link(target as LinkName);
      await link.apply(fault);
      let seen: LinkEffect | undefined;
      return {
        targets: [target],
        async heal() {
          seen = await link.heal();
        },
        effect: () =>
          Promise.resolve(
            seen
              ? { hadEffect: tookEffect(fault, seen), text: effectText(seen) }
              : { hadEffect: false, text: 'Nothing is known of the link.' },
          ),
      };
    },
  };
}

/** What a link saw during its fault; what did not occur is left out. */
function effectText({
  forwardedBytes,
  heldBytes,
  droppedBytes,
  cut,
  reset,
  refused,
  longestHoldMs,
}: LinkEffect): string {
  const parts = [
    ...(cut > 0 ? [`${plural(cut, 'connection')} cut`] : []),
    ...(refused > 0 ? [`${plural(refused, 'new connection')} refused`] : []),
    ...(reset > 0 ? [`${plural(reset, 'connection')} reset`] : []),
    ...(heldBytes > 0 ? [`${byteSize(heldBytes)} held, at most for ${milliseconds(longestHoldMs)}`] : []),
    ...(droppedBytes > 0 ? [`${byteSize(droppedBytes)} swallowed`] : []),
    `${byteSize(forwardedBytes)} let through`,
  ];
  return `The link: ${parts.join(', ')}.`;
}
