import { IconCrown } from '@tabler/icons-react';
import {
  BACKEND_TITLES,
  backendRoleSchema,
  type BackendRole,
  type MemberState,
} from '../../contract/backends.ts';
import { partPlace } from '../lib/fault-places.ts';
import { TONES } from '../lib/parts.ts';
import { useData } from '../store/store.ts';
import { BreakIt } from './break-it.tsx';
import classes from './members.module.css';
import { StateMark } from './state-mark.tsx';

/** The members of a backend, with who leads; each is a button with the menu that breaks it. Nothing where it has none. */
export function Members({ role }: { readonly role: BackendRole }) {
  const members = useData(({ cluster }) => cluster.backends.find((one) => one.role === role)?.members);
  if (!members || members.length === 0) return null;
  return (
    <ul className={classes.members} aria-label={`Members of ${BACKEND_TITLES[role]}`}>
      {members.map((member) => (
        <li key={member.name} data-leads={member.isLeader === true}>
          <Member role={role} member={member} />
        </li>
      ))}
    </ul>
  );
}

function Member({ role, member }: { readonly role: BackendRole; readonly member: MemberState }) {
  const { name, state, detail, port } = member;
  const leads = member.isLeader === true;
  const own = name.startsWith(`${role}-`) ? name.slice(role.length + 1) : name;
  const place = partPlace(name);
  const content = (
    <StateMark tone={TONES[state]}>
      <span className="sr-only">{name} </span>
      <span aria-hidden>{own}</span>
      {leads ? (
        <>
          {' '}
          <IconCrown className={classes.crown} aria-hidden />
          <span className="sr-only">leads</span>
        </>
      ) : null}
      {state === 'running' ? null : <span className="sr-only"> {state}</span>}
    </StateMark>
  );
  const about = [name, leads ? 'leads' : detail, state, port === undefined ? '' : `port ${port}`];
  const title = about.filter(Boolean).join(', ');
  if (place.choices.length === 0) return <span title={title}>{content}</span>;
  return <BreakIt name={name} title={title} content={content} places={() => [place]} />;
}

/** The members of all backends in one line, beside an attack; nothing where there are none. */
export function MembersStrip() {
  const hasMembers = useData(({ cluster }) => cluster.backends.some((one) => (one.members ?? []).length > 0));
  const isOtherShop = useData(({ attack }) => attack?.target !== undefined);
  if (!hasMembers || isOtherShop) return null;
  return (
    <section className={classes.strip} aria-label="Members of the cluster">
      {backendRoleSchema.options.map((role) => (
        <div key={role}>
          <span className="muted small">{BACKEND_TITLES[role]}</span>
          <Members role={role} />
        </div>
      ))}
    </section>
  );
}
