import { useEffect, useLayoutEffect, useRef, type RefObject } from 'react';
import { useLocation } from 'wouter';

/**
 * After a link was followed: the new view starts at its top, and keyboard and screen reader go on from its beginning, as
 * they would on a page that loads anew. Back and forward leave scrolling to the browser, which knows where it was.
 */
export function useRouteFocus(): { readonly main: RefObject<HTMLElement>; readonly location: string } {
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  const byHistory = useRef(false);
  useEffect(() => {
    const note = (): void => {
      byHistory.current = true;
    };
    window.addEventListener('popstate', note);
    return () => {
      window.removeEventListener('popstate', note);
    };
  }, []);
  useLayoutEffect(() => {
    if (shown.current === location) return;
    shown.current = location;
    main.current?.focus({ preventScroll: true });
    if (!byHistory.current) window.scrollTo(0, 0);
    byHistory.current = false;
  }, [location]);
  return { main, location };
}
