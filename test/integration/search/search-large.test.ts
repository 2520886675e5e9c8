import { testStoreKinds } from '../../support/database.js';
import { describeLargeSearches } from '../../support/large-gallery-searches.js';

/** The embedded database takes minutes to fill with as many as a server: test/long does. */
const imageCounts = { memory: 10_000, server: 50_000 };

for (const kind of testStoreKinds())
  describeLargeSearches(kind, kind === 'server' ? imageCounts.server : imageCounts.memory);
