import { whole } from '../../../contract/format.ts';
import { memo } from 'react';
import { crowdOf, MAX_DOTS } from '../../lib/crowd.ts';
import classes from './crowd-dots.module.css';

/** The queue depth as dots, which can be read from the last row of a hall. */
export const CrowdDots = memo(function CrowdDots({ count }: { readonly count: number }) {
  const { dots, perDot } = crowdOf(count);
  return (
    // An empty queue keeps its room, so that the diagram does not jump.
    <div className={classes.crowd} data-empty={dots === 0}>
      <div className={classes.dots} aria-hidden>
        {Array.from({ length: MAX_DOTS }, (_, index) => (
          <span key={index} data-lit={index < dots} />
        ))}
      </div>
      <p className="faint tiny">one dot: {whole(perDot)}</p>
    </div>
  );
});
