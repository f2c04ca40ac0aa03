import {
  IconBolt,
  IconFlask,
  IconGrid3x3,
  IconHelp,
  IconFlag2,
  IconHistory,
  IconListDetails,
  IconSettings,
  IconTopologyStar3,
} from '@tabler/icons-react';
import { PAGES, PAGE_TITLES, type Page } from '../../contract/pages.ts';
import { hrefOf } from '../lib/router.ts';
import { useData } from '../store/store.ts';
import { isAttackActive, isLabActive, isMatrixActive } from '../lib/attack-phase.ts';
import classes from './nav-rail.module.css';

const icons = {
  control: IconTopologyStar3,
  attack: IconBolt,
  matrix: IconGrid3x3,
  lab: IconFlask,
  race: IconFlag2,
  runs: IconHistory,
  logs: IconListDetails,
  settings: IconSettings,
  help: IconHelp,
} as const;

export function NavRail({ page }: { readonly page: Page }) {
  const isAttacking = useData((data) => isAttackActive(data.attack)) ?? false;
  const isLab = useData((data) => isLabActive(data.lab)) ?? false;
  const isMatrix = useData((data) => isMatrixActive(data.matrix)) ?? false;
  const alive: Partial<Record<Page, string>> = {
    ...(isAttacking ? { attack: 'an attack is running' } : {}),
    ...(isMatrix ? { matrix: 'the matrix is running' } : {}),
    ...(isLab ? { lab: 'the lab is running' } : {}),
  };
  return (
    <nav className={classes.rail} aria-label="Pages">
      <img className={classes.mark} src="./icon.svg" alt="FlashGrid" width={36} height={36} />
      <ul>
        {PAGES.map((name) => {
          const Icon = icons[name];
          return (
            <li key={name}>
              <a
                className={classes.link}
                href={hrefOf(name)}
                aria-current={name === page ? 'page' : undefined}
              >
                <Icon size="1.375rem" stroke={1.6} aria-hidden />
                <span>{PAGE_TITLES[name]}</span>
                {alive[name] === undefined ? null : (
                  <span className={classes.live}>
                    <span className="sr-only">, {alive[name]}</span>
                  </span>
                )}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
