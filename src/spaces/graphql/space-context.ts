import type { ResolverContext } from '../../base/graphql/resolver-context.js';
import type { SpaceOperations } from '../space-operations.js';

export type SpaceContext = ResolverContext<SpaceOperations>;
