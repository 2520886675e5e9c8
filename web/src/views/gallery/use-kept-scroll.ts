import { useEffect, useLayoutEffect, useRef } from 'react';

const pauseMs = 100;

/**
 * Keeps in the history's entry how far the page was scrolled, and goes there again once the list is `ready`. The browser
 * does so by itself only where the page is long enough at once, and a list is not.
 */
export function useKeptScroll(ready: boolean): void {
  const restored = useRef(false);
  useLayoutEffect(() => {
    if (!ready || restored.current) return;
    restored.current = true;
    const y = keptY(history.state);
    if (y !== undefined) window.scrollTo(0, y);
  }, [ready]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keep = (): void => {
      clearTimeout(timer);
      if (restored.current && keptY(history.state) !== window.scrollY) {
        history.replaceState({ ...(history.state as object | null), scrollY: window.scrollY }, '');
      }
    };
    const keepSoon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(keep, pauseMs);
    };
    window.addEventListener('scroll', keepSoon, { passive: true });
    // A link is followed before the pause is over.
    window.addEventListener('click', keep, { capture: true });
    return () => {
      clearTimeout(timer);
      window.removeEventListener('scroll', keepSoon);
      window.removeEventListener('click', keep, { capture: true });
    };
  }, []);
}

function keptY(state: unknown): number | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const { scrollY } = state as { readonly scrollY?: unknown };
  return typeof scrollY === 'number' ? scrollY : undefined;
}
