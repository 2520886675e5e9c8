/** Every bound of the product, once, with its unit in its name. docs/limits.md explains those that a user can meet. */

export const maxK = 1000;
export const defaultK = 10;
/** The nearest by cosine that a re-ranker orders. */
export const defaultCandidates = 100;
export const maxCandidates = 1000;
/** Searches of one GraphQL operation for a part of a stored image, which is decoded for it. */
export const maxRegionQueriesPerOperation = 20;
/** Candidates of all re-ranked searches of one GraphQL operation: nested and aliased searches multiply. */
export const maxCandidatesPerOperation = 20_000;
/**
 * Default of SEMBLANCE_MAX_ANSWER_BYTES: a page of 100 images with 20 neighbours of each, all with all fields and metadata, takes 22 MB
 * at most.
 */
export const defaultMaxAnswerBytes = 25_000_000;
/** Default of SEMBLANCE_ANSWER_BYTES_IN_WORK: of all answers from their first field until clients have read them. */
export const defaultAnswerBytesInWork = 64_000_000;
/** What a field of an answer takes in memory beside its JSON, counted before it is read. */
export const answerFieldBytes = 64;
/** Of making and writing an answer between two turns of the event loop. */
export const answerSliceMs = 8;
/** `__schema` of one GraphQL operation; tools send one. */
export const maxSchemaIntrospections = 1;
/** `__type` of one GraphQL operation; a tool that asks what introspection offers names five types. */
export const maxTypeIntrospections = 10;
/** What one operation may introspect, in proportion to the query that graphql-js makes with all its options. */
export const maxIntrospectionRatio = 1.5;
/** Stored images that a space is fitted on. */
export const defaultSampleImages = 2_000;
export const maxSampleImages = 20_000;
/** Stored images that two spaces are compared on. */
export const defaultComparedImages = 200;
export const maxComparedImages = 5_000;
/** Results of each search that two spaces are compared by, where k asks for no more. */
export const comparisonDepth = 100;
/** Queries of the lowest overlap that a comparison keeps for people to look at, and the first results in each space that it keeps of them. */
export const maxComparedQueries = 12;
export const maxComparedHits = 5;
/** Bytes of UTF-8 that a comparison keeps of a label; a longer one is cut. */
export const maxComparedLabelBytes = 255;
/** Name of a space, in characters. */
export const maxSpaceNameCharacters = 63;
/** Page size of `images`. */
export const maxPageSize = 100;
export const defaultPageSize = 20;
/** JSON text of an image's metadata, in UTF-8 bytes. */
export const maxMetadataBytes = 8 * 1024;
export const maxFilenameBytes = 255;
/** Default of SEMBLANCE_MAX_UPLOAD_BYTES. */
export const defaultMaxUploadBytes = 20_000_000;
/** Of files that arrived and are in work, in memory, of all requests together; beyond it a caller gets OVERLOADED. One file always fits. */
export const maxUploadBytesInWork = 256_000_000;
/** Of images whose bytes wait for clients to read them, of all together, and half of it for one caller; one image always fits. */
export const maxImageBytesInWork = 256_000_000;
/** Of multipart requests whose files lie in the folder for temporary files, of all together. One full request always fits. */
export const maxTemporaryBytes = 1_000_000_000;
/**
 * Multipart requests from their first byte to their answer: no more than may wait to be decoded, so that none is refused after
 * its body was read. Beyond it a caller gets OVERLOADED before its body is read, which would cost the accepted their time.
 */
export const maxUploadRequests = 160;
/** Of these, one caller's, where there are several: one that sends slowly, or much, leaves places to others. Beyond it, RATE_LIMITED. */
export const maxUploadRequestsOfOne = 106;
/** Other requests to /graphql from their body to their answer: at 350 searches a second the last waits 3 s. */
export const maxOperationRequests = 1_024;
export const maxOperationRequestsOfOne = 682;
/** Between two sweeps of temporary files that a killed process left. */
export const temporarySweepIntervalMs = 300_000;
/** Files in one uploadImages, and paths in the `map` of a multipart request, of which one file may have several. */
export const maxFilesPerRequest = 20;
/** `operations` and `map` of a multipart request: graphql-upload-ts takes quadratic memory on deep paths. */
export const maxMultipartFieldBytes = 16 * 1024;
/** Of JSON in a request: what recurses over it must not run out of stack. */
export const maxJsonDepth = 100;
/** Steps of a path in a multipart request's `map`, such as variables.files.0. */
export const maxMultipartPathSteps = 8;
/** A GraphQL request without files. */
export const maxJsonBodyBytes = 256 * 1024;
/** Decoded size. A small interlaced PNG can unfold to gigabytes, and sharp's own limit does not bound memory. */
export const maxImagePixels = 50_000_000;
/** Images that are decoded at the same time. */
export const maxConcurrentDecodes = 2;
/** Images of one priority that wait to be decoded, each in memory as a whole; beyond it a caller gets OVERLOADED. */
export const maxWaitingDecodes = 160;
/** Of computing, for one image: a progressive JPEG of some megabytes can hold scans for hours. */
export const maxDecodeCpuMs = 8_000;
/**
 * Of waiting for one image: a decoder that computes nothing is ended, too. On a machine that others keep busy its low priority leaves
 * it a tenth of a processor, and no file may be refused for that.
 */
export const maxDecodeWaitMs = 60_000;
/** Of an upload or an import while queries wait, too: from then on they take turns. */
export const maxBulkWaitMs = 5_000;
/**
 * The memory to decode a HEIF image: `heifBaseBytes` for libheif itself, twice the file's bytes, and `heifBytesPerPixel` for each pixel, up
 * to `maxHeifBytes`. Measured: 5 bytes a pixel for tiles of 8 bits, 15 for one picture of 10 bits.
 */
export const heifBaseBytes = 64 * 1024 * 1024;
export const heifBytesPerPixel = 16;
/** As much as any other image of 50 megapixels takes. */
export const maxHeifBytes = 550_000_000;
/** Items of a HEIF file, the tiles of its pictures included, of which libheif takes 1,000 unless told. */
export const maxHeifItems = 65_535;
/** A decoder process that holds more between two images is replaced. */
export const maxIdleDecoderBytes = 512 * 1024 * 1024;
/** Longer side of a thumbnail. */
export const thumbnailPixels = 320;
/** Either side of the grey rendition that re-rankers compare pixel by pixel. */
export const greySidePixels = 64;
/** WebP's own bound on either side: a rendition of a longer image is scaled down to it. */
export const maxWebpSidePixels = 16_383;
/** Width of the vector column; shorter embeddings are padded with zeros. */
export const embeddingDimensions = 768;
/** Numbers that a model may give: those of more than `embeddingDimensions` are projected. */
export const maxModelDimensions = 4_096;
/** Below this norm an embedding has no direction: pgvector leaves it out of a cosine index. */
export const minEmbeddingNorm = 1e-6;
/** Cosine between the model's output on the golden tensor and the manifest's golden embedding. */
export const minGoldenCosine = 0.999;
/** Images of one priority that wait for the embedding worker; beyond it a caller gets OVERLOADED. */
export const maxEmbeddingQueue = 256;
/** Images of one priority that wait for a thread that computes classical features; beyond it a caller gets OVERLOADED. */
export const maxFeatureQueue = 256;
/** Images in one run of the model. */
export const maxEmbeddingBatch = 8;
/** A run holds fewer images where more would take longer than this: a query waits until the run before it has ended. */
export const modelRunTargetMs = 50;
/** From the start of its loading; then requests no longer wait for a model that is opened for them, and leave their places to others. */
export const maxModelWaitMs = 20_000;
/** Starts of a crashed embedding worker in a row, without one batch embedded in between. */
export const maxModelRestarts = 5;
/** A filter that passes at most this many images is searched exactly. */
export const exactSearchMaxImages = 2_000;
/** Labelled images that a learned similarity is trained on: hard pairs are found by comparing each with each. */
export const maxScorerImages = 4_000;
/** Pairs in one epoch of that training. */
export const maxScorerPairs = 64_000;
export const maxScorerEpochs = 100;
export const databaseConnectTimeoutMs = 5_000;
export const databaseStatementTimeoutMs = 30_000;
/** Between two looks at how far an index is built. */
export const indexProgressIntervalMs = 500;
/** An orchestrator's probe has a timeout of its own, mostly of a few seconds. */
export const healthTimeoutMs = 2_000;
/** A read replica that lags is asked no more often than this how far it is; until then the primary is read. */
export const replicaRecheckMs = 20;
/** Between two attempts to reach a database or to finish a start that failed. */
export const retryIntervalMs = 1_000;
export const shutdownTimeoutMs = 20_000;
/** Every hit of a search of 1,000 may ask for its own neighbours. */
export const maxSearchesPerOperation = 1_001;
/** Nested `similarImages` multiply. */
export const maxHitsPerOperation = 100_000;
/** Searches of one GraphQL operation at the same time. */
export const maxConcurrentSearches = 4;
/** Files of one uploadImages in work at the same time; each is in memory as a whole. */
export const maxConcurrentUploads = 4;
/** Tokens of a GraphQL document. */
export const maxQueryTokens = 4_000;
/** A whole request, its body included: a slower client is cut off. */
export const requestTimeoutMs = 300_000;
/** Requests of one connection that wait for the answer to the one before them; one read of 64 KB can bring thousands. */
export const maxPipelinedRequests = 100;
export const headersTimeoutMs = 30_000;
/** A connection on which nothing moves. */
export const idleTimeoutMs = 120_000;
/** Of a refused request, read and thrown away so that its client receives the refusal. */
export const maxDrainedBytes = 64_000_000;
/** In which nothing more of it comes. */
export const drainStallMs = 5_000;
/** Of ONNX weights: neither protobuf nor one read of Node takes more. */
export const maxModelBytes = 2 ** 31 - 1;
/** A hub that sends nothing for so long is asked again. */
export const hubStallTimeoutMs = 30_000;
/** Requests in a row that bring no byte further, before a pull gives up. */
export const maxHubAttempts = 5;
/** Before the second attempt; doubled before each further one. */
export const hubRetryDelayMs = 500;
/** A hub that wants more patience than this gets no more requests. */
export const maxHubRetryAfterMs = 120_000;
/** From the hub to its CDN it is one, and one more for a renamed repository. */
export const maxHubRedirects = 5;
/** A job belongs to the server that claimed it for so long; then another takes it over. */
export const jobLeaseMs = 30_000;
export const jobRenewIntervalMs = 10_000;
/** Between two writes of a job's progress. */
export const jobProgressIntervalMs = 1_000;
/** A server looks so often for jobs that others left; one that it was given itself it begins with at once. */
export const jobPollIntervalMs = 5_000;
/** A job during which its server dies again and again is given up. */
export const maxJobAttempts = 5;
/** Jobs that wait or run, of all servers on the database; beyond it a caller gets OVERLOADED. */
export const maxOpenJobs = 20;
/** The newest of those that have ended; older ones are deleted when another is begun. */
export const maxEndedJobs = 200;
/** Images that a job's result lists as failed; it counts all of them. */
export const maxListedFailures = 100;
/** Of SEMBLANCE_URL_SECRET. */
export const minSecretCharacters = 32;
export const maxKeyNameCharacters = 100;
export const maxKeyDays = 3_650;
/** A key that was found good is looked up again after so long: a revoked one works no longer than this. */
export const apiKeyRecheckMs = 10_000;
/** Keys that a server remembers as good. */
export const maxRememberedKeys = 1_000;
/** Credentials of one address that were refused: beyond it, those that are not known as good are not looked at. */
export const maxRefusedCredentialsPerMinute = 60;
/** Characters of an Authorization header; larger ones are no token that anybody issues. */
export const maxCredentialCharacters = 8_192;
export const jwksTimeoutMs = 5_000;
/** An issuer's keys are fetched again after so long; a revoked one is taken no longer than this. */
export const jwksMaxAgeMs = 600_000;
/** Between two fetches for keys that the issuer does not know: strangers name them. */
export const jwksCooldownMs = 30_000;
/** Of clocks that differ. */
export const tokenClockToleranceSeconds = 5;
/** A signed link works for so long at least, and for `signedLinkStepSeconds` more: within a step an image keeps its link, for caches. */
export const signedLinkSeconds = 3_600;
export const signedLinkStepSeconds = 900;
/** Defaults of SEMBLANCE_EMBEDDINGS_PER_MINUTE and SEMBLANCE_BYTES_PER_MINUTE. */
export const defaultEmbeddingsPerMinute = 3_000;
export const defaultBytesPerMinute = 2_000_000_000;
/** Fields within fields of a GraphQL document. The introspection query that tools send has 15. */
export const maxQueryDepth = 16;
/** Of one GraphQL operation. An import asks for 100 images at once, with an alias for each. */
export const maxAliases = 120;
export const maxDirectives = 50;
/** Of one GraphQL operation, in rows; nested `similarImages` multiply by k. */
export const maxOperationCost = 120_000;
/** In rows: what a search takes however few it finds. */
export const searchCost = 50;
/** In rows: an original is read, decoded and embedded. */
export const regionCost = 1_000;
/** In rows: `totalCount`. */
export const countCost = 50;
/** Uploads that one GraphQL operation searches for. */
export const maxSearchedUploads = 1;
/** An import waits no longer than this for a server that asks it to. */
export const maxRetryAfterMs = 90_000;
/** What the program opens at its start, with room for a few clients. */
export const minFileDescriptors = 256;
/** `semblance doctor` calls a disk with less nearly full. */
export const minFreeDiskBytes = 1_000_000_000;
/** The embedded database takes no images where they would leave its disk less: its log grows by 16 MiB at once, and has to. */
export const minFreeDatabaseBytes = 64 * 1024 * 1024;
