import { useEffect, useSyncExternalStore } from 'react';

let announced = '';
const listeners = new Set<() => void>();

/** Names the view in the tab, and says the name to screen readers, which hear nothing when a page changes within. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Semblance' : `${title} · Semblance`;
    announce(title === '' ? 'Semblance' : title);
  }, [title]);
}

/** Says a sentence to screen readers, once they have finished the one before. */
export function announce(sentence: string): void {
  announced = sentence;
  for (const listener of listeners) listener();
}

export function PageAnnouncer() {
  const sentence = useSyncExternalStore(subscribe, () => announced);
  return (
    <div role="status" className="visually-hidden">
      {sentence}
    </div>
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
