import { navigate as navigateBrowser } from 'wouter/use-browser-location';
import { pathPrefix } from './path-prefix.js';

/** Opens an address of `paths`, for code that runs outside of a component. */
export const navigate: typeof navigateBrowser = (to, options) => {
  navigateBrowser(`${pathPrefix}${String(to)}`, options);
};
