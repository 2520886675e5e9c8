import { describeLargeSearches } from '../support/large-gallery-searches.js';

describeLargeSearches('memory', 50_000);
