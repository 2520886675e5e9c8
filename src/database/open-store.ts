import { setTimeout } from 'node:timers/promises';
import type { Config } from '../base/config.js';
import { messageOf, SemblanceError } from '../base/errors.js';
import { retryIntervalMs } from '../base/limits.js';
import { connectStore, type ConnectedStore } from './connected-store.js';
import { openDatabase, type Database, type DatabaseOptions } from './database.js';
import { toLoggedStoreError, toStoreError } from './errors.js';
import { indexProblem } from './indexes/indexes.js';
import { migrate, type MigrationReport } from './setup/migrate.js';
import { ReadReplicas } from './connections/replicas.js';
import { DatabaseSetupError } from './setup/setup-error.js';
import type { Store, StoreKind, StoreState, VectorIndex } from './store.js';

export type StoreOptions = DatabaseOptions & Pick<Config, 'autoMigrate'>;

/**
 * Opens the database and resolves; its state is `opening` then, while it is reached and migrated. It is tried again for as
 * long as it is away or not set up, and whenever it is lost.
 * @throws ConfigurationError where the embedded data folder is held by another process or cannot be used
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  return new SupervisedStore(await openDatabase(options), options);
}

/**
 * For `semblance migrate`: applies what is pending, whatever autoMigrate says.
 * @throws ConfigurationError with what an administrator must run; SemblanceError DATABASE_UNAVAILABLE
 */
export async function migrateStore(options: DatabaseOptions): Promise<MigrationReport> {
  const database = await openDatabase(options);
  try {
    return await migrate({
      pool: database.pool,
      adminPool: database.adminPool,
      schema: database.schema,
      apply: true,
    });
  } catch (error) {
    throw toStoreError(error);
  } finally {
    await database.close();
  }
}

class SupervisedStore implements Store {
  readonly kind: StoreKind;
  #state: StoreState = { kind: 'opening' };
  #connected: ConnectedStore | undefined;
  readonly #replicas: ReadReplicas | undefined;
  #supervision: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  readonly #warned = new Set<string>();
  #indexProblems: ReadonlySet<string> = new Set();

  constructor(
    private readonly database: Database,
    private readonly options: StoreOptions,
  ) {
    this.kind = database.kind;
    const { database: target, databaseConnections: connections } = options;
    const urls = target.kind === 'server' ? (target.readUrls ?? []) : [];
    if (urls.length > 0) {
      const onLog = (message: string): void => {
        this.#log(message);
      };
      this.#replicas = new ReadReplicas({ urls, connections, primary: database.pool, onLog });
    }
    this.#supervise();
  }

  get state(): StoreState {
    return this.#state;
  }

  get connections(): Store['connections'] {
    const { totalCount: total, idleCount: idle, waitingCount: waiting } = this.database.pool;
    return { total, idle, waiting };
  }

  get replicas(): Store['replicas'] {
    return this.#replicas?.states ?? [];
  }

  get replicaReads(): Store['replicaReads'] {
    return this.#replicas?.reads ?? { replica: 0, primary: 0 };
  }

  readonly activeSpace: Store['activeSpace'] = async () => this.#run((store) => store.activeSpace());
  readonly ensureSpace: Store['ensureSpace'] = async (space) => this.#write((store) => store.ensureSpace(space));
  readonly liveSpaces: Store['liveSpaces'] = async () => this.#readFirst((store) => store.liveSpaces());
  readonly listSpaces: Store['listSpaces'] = async () => this.#run((store) => store.listSpaces());
  readonly assertMayChangeSpaces: Store['assertMayChangeSpaces'] = async () =>
    this.#run((store) => store.assertMayChangeSpaces());
  readonly createSpace: Store['createSpace'] = async (space) => this.#write((store) => store.createSpace(space));
  readonly readFitted: Store['readFitted'] = async (spaceId) => this.#readFirst((store) => store.readFitted(spaceId));
  readonly completeSpace: Store['completeSpace'] = async (spaceId) =>
    this.#write((store) => store.completeSpace(spaceId));
  readonly activateSpace: Store['activateSpace'] = async (spaceId, options) =>
    this.#write((store) => store.activateSpace(spaceId, options));
  readonly retireSpace: Store['retireSpace'] = async (spaceId) => this.#write((store) => store.retireSpace(spaceId));
  readonly removeSpace: Store['removeSpace'] = async (spaceId) => this.#write((store) => store.removeSpace(spaceId));
  readonly imagesWithoutEmbedding: Store['imagesWithoutEmbedding'] = async (spaceId, options) =>
    this.#run((store) => store.imagesWithoutEmbedding(spaceId, options));
  readonly insertEmbeddings: Store['insertEmbeddings'] = async (spaceId, embeddings) =>
    this.#write((store) => store.insertEmbeddings(spaceId, embeddings));
  readonly readEmbeddings: Store['readEmbeddings'] = async (spaceId, ids) =>
    this.#read(
      (store) => store.readEmbeddings(spaceId, ids),
      (found) => found.size < ids.length,
    );
  readonly sampleShared: Store['sampleShared'] = async (spaceIds, options) =>
    this.#run((store) => store.sampleShared(spaceIds, options));
  readonly heldIn: Store['heldIn'] = async (spaceId, ids) => this.#run((store) => store.heldIn(spaceId, ids));
  readonly readGreys: Store['readGreys'] = async (ids) => this.#read((store) => store.readGreys(ids));
  readonly writeGrey: Store['writeGrey'] = async (imageId, grey) =>
    this.#run((store) => store.writeGrey(imageId, grey));
  readonly saveScorer: Store['saveScorer'] = async (spaceId, kind, scorer) =>
    this.#run((store) => store.saveScorer(spaceId, kind, scorer));
  readonly readScorer: Store['readScorer'] = async (spaceId, kind) =>
    this.#readFirst((store) => store.readScorer(spaceId, kind));
  readonly listScorers: Store['listScorers'] = async () => this.#run((store) => store.listScorers());
  readonly imagesWithoutRegions: Store['imagesWithoutRegions'] = async (spaceId, options) =>
    this.#run((store) => store.imagesWithoutRegions(spaceId, options));
  readonly insertRegions: Store['insertRegions'] = async (spaceId, imageId, regions) =>
    this.#write((store) => store.insertRegions(spaceId, imageId, regions));
  readonly insertImage: Store['insertImage'] = async (image) => this.#write((store) => store.insertImage(image));
  readonly findForUpload: Store['findForUpload'] = async (id) => this.#run((store) => store.findForUpload(id));
  readonly findImage: Store['findImage'] = async (id) => this.#read((store) => store.findImage(id));
  readonly listImages: Store['listImages'] = async (options) => this.#read((store) => store.listImages(options));
  readonly countImages: Store['countImages'] = async (filter) => this.#read((store) => store.countImages(filter));
  readonly updateMetadata: Store['updateMetadata'] = async (id, metadata) =>
    this.#write((store) => store.updateMetadata(id, metadata));
  readonly deleteImage: Store['deleteImage'] = async (id) => this.#write((store) => store.deleteImage(id));
  readonly readOriginal: Store['readOriginal'] = async (id) => this.#read((store) => store.readOriginal(id));
  readonly readThumbnail: Store['readThumbnail'] = async (id) => this.#read((store) => store.readThumbnail(id));
  readonly existingIds: Store['existingIds'] = async (ids) => this.#run((store) => store.existingIds(ids));
  readonly searchByImage: Store['searchByImage'] = async (id, options) =>
    this.#read((store) => store.searchByImage(id, options));
  readonly searchByVector: Store['searchByVector'] = async (vector, options) =>
    this.#read((store) => store.searchByVector(vector, options));
  readonly searchRegions: Store['searchRegions'] = async (vector, options) =>
    this.#read((store) => store.searchRegions(vector, options));
  readonly createJob: Store['createJob'] = async (job) => this.#run((store) => store.createJob(job));
  readonly claimJob: Store['claimJob'] = async (owner, kinds) => this.#run((store) => store.claimJob(owner, kinds));
  readonly renewJob: Store['renewJob'] = async (id, owner, progress) =>
    this.#run((store) => store.renewJob(id, owner, progress));
  readonly releaseJob: Store['releaseJob'] = async (id, owner, error) =>
    this.#run((store) => store.releaseJob(id, owner, error));
  readonly finishJob: Store['finishJob'] = async (id, owner, outcome) =>
    this.#run((store) => store.finishJob(id, owner, outcome));
  readonly cancelJob: Store['cancelJob'] = async (id) => this.#run((store) => store.cancelJob(id));
  readonly findJob: Store['findJob'] = async (id) => this.#run((store) => store.findJob(id));
  readonly listJobs: Store['listJobs'] = async (first) => this.#run((store) => store.listJobs(first));
  readonly countJobs: Store['countJobs'] = async () => this.#run((store) => store.countJobs());
  readonly createApiKey: Store['createApiKey'] = async (key) => this.#run((store) => store.createApiKey(key));
  readonly findApiKey: Store['findApiKey'] = async (id) => this.#readFirst((store) => store.findApiKey(id));
  readonly listApiKeys: Store['listApiKeys'] = async () => this.#run((store) => store.listApiKeys());
  readonly revokeApiKey: Store['revokeApiKey'] = async (id) => this.#run((store) => store.revokeApiKey(id));
  readonly ensureSecret: Store['ensureSecret'] = async (name, proposed) =>
    this.#run((store) => store.ensureSecret(name, proposed));
  readonly listVectorIndexes: Store['listVectorIndexes'] = async () =>
    this.#run(async (store) => this.#reportIndexes(await store.listVectorIndexes()));
  readonly rebuildVectorIndex: Store['rebuildVectorIndex'] = async (index, options) =>
    this.#run((store) => store.rebuildVectorIndex(index, options));
  readonly sizeBytes: Store['sizeBytes'] = async () => this.#run((store) => store.sizeBytes());

  async recordServerUrl(url: string): Promise<void> {
    await this.database.recordServerUrl(url);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = { kind: 'closed' };
    this.#closed.abort();
    // An attempt under way ends before its pool does.
    await this.#supervision;
    await this.#replicas?.close();
    await this.#connected?.close();
    await this.database.close();
  }

  /**
   * By a replica where there is one, else as #run.
   * @param isMissing whether the answer lacks what the primary may have
   */
  async #read<T>(
    operation: (store: ConnectedStore) => Promise<T>,
    isMissing: (answer: T) => boolean = (answer) => answer === undefined,
  ): Promise<T> {
    const onPrimary = () => this.#run(operation);
    return this.#replicas === undefined ? onPrimary() : this.#replicas.read(operation, isMissing, onPrimary);
  }

  /** By the primary, which may be ahead; where it is away, by a replica, so that searches go on. */
  async #readFirst<T>(operation: (store: ConnectedStore) => Promise<T>): Promise<T> {
    try {
      return await this.#run(operation);
    } catch (error) {
      const isAway = error instanceof SemblanceError && error.code === 'DATABASE_UNAVAILABLE';
      if (this.#replicas === undefined || !isAway) throw error;
      return this.#replicas.readInstead(operation, error);
    }
  }

  /** What searches, lists and bytes show from then on. */
  async #write<T>(operation: (store: ConnectedStore) => Promise<T>): Promise<T> {
    const answer = await this.#run(operation);
    // Before it is acknowledged: what comes of it next must not be read from before it.
    await this.#replicas?.noteWrite();
    return answer;
  }

  async #run<T>(operation: (store: ConnectedStore) => Promise<T>): Promise<T> {
    if (this.#state.kind !== 'ready' || this.#connected === undefined) {
      throw new SemblanceError(
        'DATABASE_UNAVAILABLE',
        this.#state.kind === 'opening' ? 'The database is being opened' : 'The database cannot be reached',
      );
    }
    try {
      return await operation(this.#connected);
    } catch (error) {
      const translated = toLoggedStoreError(error, (message) => {
        this.#log(message);
      });
      // One connection may have been cut, or the server may be gone: an attempt tells.
      if (translated instanceof SemblanceError && translated.code === 'DATABASE_UNAVAILABLE') this.#supervise();
      throw translated;
    }
  }

  /** Attempts until one succeeds; at most one such loop runs. It never rejects. */
  #supervise(): void {
    if (this.#closing !== undefined) return;
    this.#supervision ??= this.#attemptUntilReady().finally(() => {
      this.#supervision = undefined;
    });
  }

  async #attemptUntilReady(): Promise<void> {
    while (!this.#isClosed()) {
      const next = await this.#attempt();
      if (this.#isClosed()) return;
      this.#state = next;
      if (next.kind === 'ready') return;
      await setTimeout(retryIntervalMs, undefined, { signal: this.#closed.signal }).catch(() => undefined);
    }
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  async #attempt(): Promise<StoreState> {
    const { pool, adminPool, schema } = this.database;
    try {
      const { schemas, warnings } = await migrate({ pool, adminPool, schema, apply: this.options.autoMigrate });
      for (const warning of warnings) this.#warnOnce(warning);
      // The extension may have been moved while the database was away.
      if (this.#connected?.schemas.vector !== schemas.vector) {
        await this.#connected?.close();
        this.#connected = connectStore(pool, schemas, adminPool);
      }
      await this.#replicas?.connect(schemas);
      // One that a crash or an administrator left broken slows searches down, and stops nothing.
      await this.#connected.listVectorIndexes().then(
        (indexes) => this.#reportIndexes(indexes),
        () => undefined,
      );
      return { kind: 'ready' };
    } catch (error) {
      if (error instanceof DatabaseSetupError) return { kind: 'unavailable', reason: error.message };
      const translated = toStoreError(error);
      return {
        kind: 'unavailable',
        reason: translated instanceof SemblanceError ? `${translated.message}: ${messageOf(error)}` : messageOf(error),
      };
    }
  }

  #reportIndexes(indexes: readonly VectorIndex[]): readonly VectorIndex[] {
    const problems = new Set(indexes.flatMap((index) => indexProblem(index) ?? []));
    for (const problem of problems) {
      if (!this.#indexProblems.has(problem)) this.#log(problem);
    }
    // One that comes again is told again.
    this.#indexProblems = problems;
    return indexes;
  }

  #warnOnce(warning: string): void {
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#log(warning);
  }

  #log(message: string): void {
    (this.options.onLog ?? console.error)(message);
  }
}
