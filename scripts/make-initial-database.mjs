// The last step of `npm run build:server`.
import { makeInitialDatabase } from '../dist/database/embedded/initial-database.js';

await makeInitialDatabase();
