import type { ReactNode } from 'react';
import classes from './state-mark.module.css';

export type Tone = 'good' | 'busy' | 'bad' | 'idle';

/** A state as shape, colour and word: disc = running, half ring = changing, square = failed, ring = off. */
export function StateMark({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }) {
  return (
    <span className={classes.mark} data-tone={tone}>
      <svg viewBox="0 0 12 12" aria-hidden>
        {tone === 'good' ? <circle cx="6" cy="6" r="5" /> : null}
        {tone === 'busy' ? (
          <path d="M6 1a5 5 0 1 0 5 5" fill="none" strokeWidth="2" stroke="currentColor" />
        ) : null}
        {tone === 'bad' ? <rect x="1.5" y="1.5" width="9" height="9" rx="1.5" /> : null}
        {tone === 'idle' ? (
          <circle cx="6" cy="6" r="4" fill="none" strokeWidth="2" stroke="currentColor" />
        ) : null}
      </svg>
      <span>{children}</span>
    </span>
  );
}
