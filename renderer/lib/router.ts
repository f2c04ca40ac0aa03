/** The page is in the URL's hash, so that one index.html serves all pages. */
import { useSyncExternalStore } from 'react';
import { PAGES, type Page } from '../../contract/pages.ts';

export interface Route {
  readonly page: Page;
  /** What follows the page: a run's id. */
  readonly id: string | undefined;
  readonly query: URLSearchParams;
}

function isPage(name: string): name is Page {
  return PAGES.some((page) => page === name);
}

/** Reads `#/runs/abc?x=1`; anything unknown is the first page. */
export function parseHash(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', id] = path.split('/');
  return {
    page: isPage(page) ? page : 'control',
    id: isPage(page) && id ? safeDecode(id) : undefined,
    query: new URLSearchParams(search),
  };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A malformed address, typed by hand: keep it as it is.
    return text;
  }
}

/** The address of a page. */
export function hrefOf(page: Page, id?: string, query?: Readonly<Record<string, string>>): string {
  const search = query ? `?${new URLSearchParams(query).toString()}` : '';
  return `#/${page}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${search}`;
}

export function navigate(page: Page, id?: string, query?: Readonly<Record<string, string>>): void {
  window.location.hash = hrefOf(page, id, query);
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

let lastHash: string | undefined;
let lastRoute = parseHash('');

function current(): Route {
  if (window.location.hash !== lastHash) {
    lastHash = window.location.hash;
    lastRoute = parseHash(lastHash);
  }
  return lastRoute;
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}
