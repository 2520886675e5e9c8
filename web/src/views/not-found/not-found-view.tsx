import { Link } from 'wouter';
import { paths } from '../../lib/paths.js';
import { usePageTitle } from '../../parts/page-title.js';

export default function NotFoundView() {
  usePageTitle('Nothing here');
  return (
    <section className="centred">
      <h1>Nothing is at this address</h1>
      <p>It may be mistyped, or from another version of the page.</p>
      <Link href={paths.start} className="button button--primary">
        Search for a picture
      </Link>
    </section>
  );
}
