import type { ResolverContext } from '../../base/graphql/resolver-context.js';
import type { SearchOperations } from '../search-operations.js';
import type { SearchLog } from './search-log.js';

export interface SearchContext extends ResolverContext<SearchOperations> {
  /** The searches that this request has made. */
  readonly searches: SearchLog;
}
