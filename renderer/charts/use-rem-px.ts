import { useSyncExternalStore } from 'react';

/**
 * The root's font size in pixels. Recharts measures in pixels, which do not grow in projector mode; sizes in rem,
 * converted with this, do.
 */
export function useRemPx(): number {
  return useSyncExternalStore(subscribe, readRemPx);
}

function readRemPx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function subscribe(onChange: () => void): () => void {
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['data-projector'] });
  window.addEventListener('resize', onChange);
  return () => {
    observer.disconnect();
    window.removeEventListener('resize', onChange);
  };
}
