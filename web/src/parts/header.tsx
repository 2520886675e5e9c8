import { Link, useLocation } from 'wouter';
import { useAccess } from '../lib/access.js';
import { paths } from '../lib/paths.js';
import { AccessButton } from './access/access-button.js';
import { Mark } from './mark.js';

const entries = [
  { label: 'Search', path: paths.start, isCurrent: (at: string) => at === '/' || at.startsWith('/search') },
  {
    label: 'Gallery',
    path: paths.gallery,
    isCurrent: (at: string) => at.startsWith('/gallery') || at.startsWith('/image'),
  },
  { label: 'Compare', path: paths.compare, isCurrent: (at: string) => at.startsWith('/compare') },
  { label: 'Status', path: paths.status, isCurrent: (at: string) => at.startsWith('/status') },
];

export function Header() {
  const [location] = useLocation();
  const { credential, refusal, lacking } = useAccess();
  // Where nobody is asked, there is nothing to say.
  const hasAccess = credential !== undefined || (refusal === undefined && lacking !== undefined);
  return (
    <header className="header">
      <Link href={paths.start} className="header__home" aria-label="Semblance, to the start">
        <Mark />
        <span className="header__name">Semblance</span>
      </Link>
      <nav aria-label="Views">
        <ul className="header__links">
          {entries.map(({ label, path, isCurrent }) => (
            <li key={label}>
              <Link
                href={path}
                className="header__link"
                {...(isCurrent(location) ? { 'aria-current': 'page' as const } : {})}
              >
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {hasAccess ? <AccessButton className="button header__access" /> : null}
    </header>
  );
}
