import { Stack } from '@mantine/core';
import { hrefOf } from '../../lib/router.ts';
import classes from './help-page.module.css';
import { WORDS } from './words.ts';

/** What each word of the window means: the technical name first, then its role in the story of the ticket shop. */
export default function HelpPage() {
  return (
    <Stack maw="84rem" mx="auto">
      <div>
        <h1>What the words mean</h1>
        <p className="muted">
          FlashGrid sells tickets to a crowd. <a href={hrefOf('control')}>Control</a> shows the parts at work,{' '}
          <a href={hrefOf('attack')}>Attack</a> sends the crowd, and <a href={hrefOf('runs')}>Runs</a> keeps
          the proof.
        </p>
      </div>
      {WORDS.map(({ title, words }) => (
        <section key={title} className={`panel ${classes.group}`} aria-label={title}>
          <h2>{title}</h2>
          <dl>
            {words.map(({ term, name, story, meaning }) => (
              <div key={term}>
                <dt>
                  {name ?? term}
                  {story === undefined ? null : <span>{story}</span>}
                </dt>
                <dd>{meaning}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Stack>
  );
}
