// The last step of `npm run build:server`.
import { makeInitialDatabase } from '../dist/store/embedded/initial-database.js';

await makeInitialDatabase();
