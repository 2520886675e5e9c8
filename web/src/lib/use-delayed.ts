import { useEffect, useState } from 'react';

/** Whatever takes longer shows that it is under way; what does not, would only flicker. */
export const progressDelayMs = 300;

/** True once `active` has been true for so long; false at once when it is no longer. */
export function useDelayed(active: boolean, delayMs = progressDelayMs): boolean {
  const [elapsed, setElapsed] = useState(false);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setTimeout(() => {
      setElapsed(true);
    }, delayMs);
    return () => {
      clearTimeout(timer);
      setElapsed(false);
    };
  }, [active, delayMs]);
  return active && elapsed;
}
