import { Link } from 'wouter';
import { paths } from '../../lib/paths.js';

/** What to do before anything can be found. */
export function EmptyGallery() {
  return (
    <section className="empty" aria-labelledby="empty">
      <h2 id="empty">The gallery is empty</h2>
      <p>Pictures are searched among those that are stored here, so it needs some first.</p>
      <div className="empty__actions">
        <Link href={paths.gallery} className="button">
          Add pictures of your own
        </Link>
      </div>
    </section>
  );
}
