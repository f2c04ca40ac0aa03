import { Suspense, lazy, useEffect, useRef, useState } from 'react';
import { useMantineColorScheme } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { PAGES, PAGE_TITLES } from '../contract/pages.ts';
import classes from './app.module.css';
import { Banners } from './components/banners.tsx';
import { ErrorBoundary } from './components/error-boundary.tsx';
import { Header } from './components/header.tsx';
import { Loading } from './components/loading.tsx';
import { NavRail } from './components/nav-rail.tsx';
import { QuitScreen } from './components/quit-screen.tsx';
import { ShortcutHelp } from './components/shortcut-help.tsx';
import { changeSettings } from './lib/change-settings.ts';
import { navigate, useRoute } from './lib/router.ts';
import { useAskedFor } from './lib/use-asked-for.ts';
import { usePendingLaunch } from './lib/use-pending-launch.ts';
import { useShortcuts, type Shortcut } from './lib/shortcuts.ts';
import { ControlPage } from './pages/control/control-page.tsx';
import { useControl, useData } from './store/store.ts';

// The first page is in the first bundle. The others, with the charts, load when they are opened.
const pages = {
  control: ControlPage,
  attack: lazy(() => import('./pages/attack/attack-page.tsx')),
  matrix: lazy(() => import('./pages/matrix/matrix-page.tsx')),
  lab: lazy(() => import('./pages/lab/lab-page.tsx')),
  race: lazy(() => import('./pages/race/race-page.tsx')),
  runs: lazy(() => import('./pages/runs/runs-page.tsx')),
  logs: lazy(() => import('./pages/logs/logs-page.tsx')),
  settings: lazy(() => import('./pages/settings/settings-page.tsx')),
  help: lazy(() => import('./pages/help/help-page.tsx')),
} as const;

const StagePage = lazy(() => import('./pages/stage/stage-page.tsx'));
/** The place of the story: it has the whole window. */
const STAGE = ['lab', 'stage'] as const;

/** The window. The boundary also catches errors outside the page. */
export function App() {
  return (
    <ErrorBoundary>
      <Shell />
    </ErrorBoundary>
  );
}

function Shell() {
  const { page, id } = useRoute();
  const hasQuit = useData((data) => data.hasQuit) ?? false;
  const isLoaded = useControl((state) => state.data !== undefined);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useAppearance();
  usePendingLaunch();
  useAskedFor();

  const shortcuts: readonly Shortcut[] = [
    ...PAGES.map((name, index) => ({
      key: String(index + 1),
      label: `Go to ${PAGE_TITLES[name]}`,
      run: () => navigate(name),
    })),
    { key: 'o', label: 'On stage: the story in five scenes', run: () => navigate(...STAGE) },
    { key: 't', label: 'Switch between dark and light', run: () => void changeSettings('theme') },
    { key: 'p', label: 'Projector mode: large type', run: () => void changeSettings('projector') },
    { key: '?', label: 'Show this list', run: () => setHelpOpen(true) },
  ];
  useShortcuts(shortcuts);

  useEffect(() => {
    document.title = `${PAGE_TITLES[page]} · FlashGrid`;
    // The focus tells a screen reader that the page changed. The first page replaces none.
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus();
  }, [page]);
  useEffect(() => {
    // The braces matter: newer browsers return a promise, which React would take for the clean-up function.
    main.current?.scrollTo(0, 0);
  }, [page, id]);

  if (hasQuit) return <QuitScreen />;
  if (isLoaded && page === STAGE[0] && id === STAGE[1])
    return (
      <Suspense fallback={<Loading label="Opening the story…" />}>
        <StagePage />
      </Suspense>
    );
  const Current = pages[page];
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main" onClick={(event) => skipTo(event, main.current)}>
        Skip to the page
      </a>
      <NavRail page={page} />
      <div className={classes.column}>
        <Header onHelp={() => setHelpOpen(true)} />
        <Banners />
        {/* In the page's flow: a message over the page could cover the button that it is about. */}
        <Notifications
          withinPortal={false}
          limit={4}
          classNames={{ root: classes.messages ?? '', notification: classes.message ?? '' }}
        />
        <main ref={main} id="main" tabIndex={-1} className={classes.main} aria-label={PAGE_TITLES[page]}>
          {isLoaded ? (
            <ErrorBoundary key={page}>
              <Suspense fallback={<Loading label={`Opening ${PAGE_TITLES[page]}…`} />}>
                <Current />
              </Suspense>
            </ErrorBoundary>
          ) : (
            <Loading label="Waiting for the control centre…" />
          )}
        </main>
      </div>
      <ShortcutHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} shortcuts={shortcuts} />
    </div>
  );
}

/** Moves the focus itself: the router would take the link's hash for a page. */
function skipTo(event: React.MouseEvent, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}

/** Theme and projector mode follow the settings, which another window or the terminal may change too. */
function useAppearance(): void {
  const theme = useData((data) => data.settings.theme);
  const isProjectorMode = useData((data) => data.settings.isProjectorMode) ?? false;
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  useEffect(() => {
    if (theme) setColorScheme(theme === 'system' ? 'auto' : theme);
    // setColorScheme is a new function at each render of the provider.
  }, [theme]);
  useEffect(() => {
    document.documentElement.dataset['projector'] = String(isProjectorMode);
  }, [isProjectorMode]);
}
