import { useSyncExternalStore } from 'react';

/**
 * The root's font size in pixels. A chart's axis is measured in pixels, and would not grow with the type in projector mode; so whatever it
 * measures is asked for in rem, and follows.
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
