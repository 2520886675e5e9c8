import { existsSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import type { GraphqlAnswer, ImageNode, TestClient } from './client.js';
import { expectWhole } from './kill-import.js';
import { describeKill, type Kill, type Round, type ServerScenario } from './kill-points.js';
import { makeJpeg } from './make-image.js';
import {
  makeFolder,
  runProgram,
  spawnServer,
  startProgram,
  startServer,
  waitFor,
  type ProgramRun,
  type RunOptions,
  type TestServer,
  type TestStore,
} from './server.js';

const preload = pathToFileURL(resolve(import.meta.dirname, 'kill-point.mjs')).href;
const firstSpace = 'semblance-compact';
/** So many stay, that an answer takes no time. */
const maxImages = 16;

interface SpaceNode {
  readonly name: string;
  readonly state: string;
  readonly missingCount: number;
}

/**
 * One gallery through any number of kills, each at a point that is named. What the program acknowledged before is what the next start
 * is held to: images that are there whole, deletions that stand, spaces that say the truth, and nothing left over.
 */
export class KillSeries {
  readonly #pictures: Buffer[] = [];
  /** Acknowledged, and not deleted by anybody. */
  readonly #kept = new Set<string>();
  readonly #deleted = new Set<string>();
  #pictureCount = 0;
  #spaceCount = 0;

  private constructor(
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
    readonly seed: number,
  ) {}

  static async open(store: TestStore, seed: number): Promise<KillSeries> {
    const series = new KillSeries(await makeFolder(), store.environment(), seed);
    const server = await startServer(series.#options());
    for (let index = 0; index < 4; index++) await series.#upload(server.client);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    return series;
  }

  /** Starts a server, holds it to what the killed ones have said, and kills it. */
  async kill(kill: Kill): Promise<void> {
    const { scenario } = kill.point;
    if (scenario === 'migrate' || scenario === 'export' || scenario === 'import-archive')
      throw new RangeError(scenario);
    const armed = join(this.folder, 'armed');
    const options = { ...this.#options(), env: { ...this.env, ...killEnvironment(kill, armed) } };
    if (scenario === 'start') {
      await writeFile(armed, '');
      const doomed = await spawnStart(kill.round, options, await this.#picture());
      await this.#died(doomed, kill, armed);
      return;
    }
    const server = await startServer(options);
    try {
      await this.check(server);
      const work = await this.#prepare(scenario, server.client);
      const others = kill.round === 'busy' ? this.#keepBusy(server) : undefined;
      await writeFile(armed, '');
      await Promise.race([work(), server.exited]);
      await this.#died(server, kill, armed);
      await others;
    } finally {
      // One that was not killed must not hold up the next.
      await server.kill();
      await rm(armed, { force: true });
    }
  }

  /** Start, look at everything, stop. */
  async finish(): Promise<void> {
    const server = await startServer(this.#options());
    await this.check(server, Infinity);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Then takes away what the last scenario left behind. */
  async check(server: TestServer, whole = 6): Promise<void> {
    const { client } = server;
    const images = await client.allImages();
    const ids = new Set(images.map(({ id }) => id));
    for (const id of this.#kept) expect(ids.has(id), `${id} was acknowledged`).toBe(true);
    for (const id of this.#deleted) expect(ids.has(id), `${id} was deleted`).toBe(false);
    await expectWhole(client, images.slice(0, whole), this.#pictures, images.length);
    await this.#checkSpaces(client);
    await this.#checkFolders();
    await this.#shrink(client, images);
  }

  #options() {
    return { folder: this.folder, env: this.env };
  }

  async #died(run: ProgramRun, kill: Kill, armed: string): Promise<void> {
    const name = describeKill(kill);
    if (run.running && existsSync(armed)) {
      // What was asked for is done, or the last answer is on its way.
      await Promise.race([run.exited, new Promise((resolve) => setTimeout(resolve, 20_000).unref())]);
    }
    if (run.running) {
      run.signal('SIGKILL');
      throw new Error(`${name} was never passed:\n${run.output}`);
    }
    expect(await run.exited, name).toEqual({ code: null, signal: 'SIGKILL' });
    await rm(armed, { force: true });
    // No process that decodes images outlives its server.
    await waitFor('the processes of a killed server to end', () => Promise.resolve(!groupLives(run.child.pid ?? 0)));
  }

  async #prepare(scenario: Exclude<ServerScenario, 'start'>, client: TestClient): Promise<() => Promise<unknown>> {
    const name = `s${this.seed}-${this.#spaceCount++}`;
    switch (scenario) {
      case 'upload':
        return () => Promise.all([this.#upload(client), this.#upload(client), this.#upload(client)]);
      case 'delete':
        while (this.#kept.size < 2) await this.#upload(client);
        return () => Promise.all([...this.#kept].slice(0, 2).map((id) => this.#delete(client, id)));
      case 'create':
        return () => this.#job(client, `createSpace(name: "${name}", method: "grey")`);
      case 'backfill':
        await this.#job(client, `createSpace(name: "${name}", method: "grey", backfill: false)`);
        return () => this.#job(client, `backfillSpace(name: "${name}")`);
      case 'activate':
        await this.#job(client, `createSpace(name: "${name}", method: "grey")`);
        return () => this.#mutate(client, `activateSpace(name: "${name}") { __typename }`);
      case 'remove':
        await this.#job(client, `createSpace(name: "${name}", method: "grey")`);
        return () => this.#mutate(client, `removeSpace(name: "${name}") { __typename }`);
    }
  }

  /** Uploads and searches of others, until the server is gone. */
  #keepBusy(server: TestServer): Promise<unknown> {
    const { client } = server;
    const untilGone = async (ask: () => Promise<void>): Promise<void> => {
      while (server.running) await ask();
    };
    const busy = Promise.all([
      untilGone(() => this.#upload(client)),
      untilGone(async () => {
        const [picture = Buffer.alloc(0)] = this.#pictures;
        expectNoErrors(await client.searchAnswer(picture, { k: 3 }).catch(() => undefined));
      }),
    ]);
    // Told to whoever awaits it, once the server has died.
    busy.catch(() => undefined);
    return busy;
  }

  async #picture(): Promise<Buffer> {
    const bytes = await makeJpeg(this.seed * 100_000 + this.#pictureCount++, { width: 64, height: 48 });
    this.#pictures.push(bytes);
    return bytes;
  }

  async #upload(client: TestClient): Promise<void> {
    // What a killed server does not answer was not acknowledged.
    const answer = await client.uploadAnswer(await this.#picture()).catch(() => undefined);
    expectNoErrors(answer);
    const id = answer?.data?.uploadImage.image.id;
    if (id !== undefined) this.#kept.add(id);
  }

  async #delete(client: TestClient, id: string): Promise<void> {
    // From here on it may be there or not, until the answer.
    this.#kept.delete(id);
    const answer = await this.#mutate(client, `deleteImage(id: "${id}") { deletedId }`);
    if (answer !== undefined) this.#deleted.add(id);
  }

  /** Undefined where the server is gone. */
  async #mutate(client: TestClient, mutation: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const answer = await client.graphql<Record<string, unknown>>(`mutation { ${mutation} }`).catch(() => undefined);
    if (answer?.errors !== undefined) throw new Error(`${mutation}: ${JSON.stringify(answer.errors)}`);
    return answer?.data ?? undefined;
  }

  /** Until it has ended, or the server has. */
  async #job(client: TestClient, mutation: string): Promise<void> {
    const data = await this.#mutate(client, `job: ${mutation} { id }`);
    if (data === undefined) return;
    const { id } = data['job'] as { readonly id: string };
    await waitFor(`the job of ${mutation}`, async () => {
      const query = `{ job(id: "${id}") { state error { message } } }`;
      const answer = await client.data<{ job: { state: string; error: unknown } }>(query).catch(() => undefined);
      if (answer?.job.state === 'FAILED') throw new Error(`${mutation}: ${JSON.stringify(answer.job.error)}`);
      return answer === undefined || answer.job.state === 'DONE';
    });
  }

  async #checkSpaces(client: TestClient): Promise<void> {
    const { spaces } = await client.data<{ spaces: readonly SpaceNode[] }>('{ spaces { name state missingCount } }');
    expect(spaces.filter(({ state }) => state === 'ACTIVE')).toHaveLength(1);
    for (const { name, state, missingCount } of spaces) {
      if (state === 'READY' || state === 'ACTIVE') expect(missingCount, name).toBe(0);
    }
    const { jobs } = await client.data<{ jobs: readonly { id: string; finishedAt: string | null }[] }>(
      '{ jobs { id finishedAt } }',
    );
    for (const { id, finishedAt } of jobs) {
      if (finishedAt === null) await this.#mutate(client, `cancelJob(id: "${id}") { id }`);
    }
    const others = spaces.filter(({ name }) => name !== firstSpace);
    if (others.some(({ state }) => state === 'ACTIVE')) {
      await this.#mutate(client, `activateSpace(name: "${firstSpace}") { __typename }`);
    }
    // Finishes a removal that was cut off, too.
    for (const { name } of others) await this.#mutate(client, `removeSpace(name: "${name}") { __typename }`);
  }

  async #checkFolders(): Promise<void> {
    const temporary = await readdir(join(this.folder, 'tmp'));
    // The database's socket, of this server alone; and uploads that were being read, which are swept after a while.
    expect(temporary.filter((name) => /^semblance-[0-9a-f]{16}$/.test(name)).length).toBeLessThanOrEqual(1);
    expect(temporary.filter((name) => !/^(semblance-[0-9a-f]{16}|capacitor-[0-9a-f]{32}\.tmp)$/.test(name))).toEqual(
      [],
    );
    const data = await readdir(join(this.folder, 'data')).catch(() => []);
    expect(data.filter((name) => name.startsWith('postgres.new-'))).toEqual([]);
  }

  async #shrink(client: TestClient, images: readonly ImageNode[]): Promise<void> {
    for (const { id } of images.slice(maxImages)) await this.#delete(client, id);
  }
}

/** Kills a first start, and then starts on what it left. */
export async function killFirstStart(store: TestStore, kill: Kill): Promise<void> {
  const { nth } = kill;
  const folder = await makeFolder();
  const env = store.environment();
  const armed = join(folder, 'armed');
  await writeFile(armed, '');
  const options = { folder, env: { ...env, ...killEnvironment(kill, armed) }, firstStart: true };
  const doomed = await spawnStart(kill.round, options, await makeJpeg(1_000 + nth));
  expect(await doomed.exited, `${describeKill(kill)}\n${doomed.output}`).toEqual({ code: null, signal: 'SIGKILL' });
  const server = await startServer({ folder, env, firstStart: true });
  expect((await server.client.upload(await makeJpeg(nth))).created).toBe(true);
  expect(await server.client.search(await makeJpeg(nth))).toHaveLength(1);
  const data = await readdir(join(folder, 'data')).catch(() => []);
  expect(data.filter((name) => name.startsWith('postgres.new-'))).toEqual([]);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await rm(folder, { recursive: true, force: true });
}

/** A gallery, exported, and empty databases to import it into. */
export class ArchiveKills {
  private constructor(
    readonly store: TestStore,
    readonly source: { readonly folder: string; readonly env: Record<string, string> },
    readonly archive: string,
    readonly pictures: readonly Buffer[],
  ) {}

  static async open(store: TestStore, seed: number, round: Round): Promise<ArchiveKills> {
    const source = { folder: await makeFolder(), env: store.environment() };
    const pictures = await Promise.all(Array.from({ length: 6 }, (_, index) => makeJpeg(seed * 1_000 + index)));
    const server = await startServer(source);
    for (const bytes of pictures) await server.client.upload(bytes);
    await server.stop();
    const archive = join(source.folder, archiveName('gallery', round));
    const { code, output } = await runProgram(['export', archive], source);
    expect({ code, output }).toMatchObject({ code: 0 });
    return new ArchiveKills(store, source, archive, pictures);
  }

  async kill(kill: Kill): Promise<void> {
    await (kill.point.scenario === 'export' ? this.#killExport(kill) : this.#killImport(kill));
  }

  async #killExport(kill: Kill): Promise<void> {
    const { folder } = this.source;
    const target = join(folder, archiveName('again', kill.round));
    await killProgram(['export', target], this.source, kill);
    // Whole or not there.
    if (existsSync(target)) {
      expect(kill.point.when).toBe('after');
      await rm(target, { recursive: true });
    }
    const { code, output } = await runProgram(['export', target], this.source);
    expect({ code, output }).toMatchObject({ code: 0 });
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    await rm(target, { recursive: true });
  }

  async #killImport(kill: Kill): Promise<void> {
    const destination = { folder: await makeFolder(), env: this.store.environment() };
    // An embedded one is initialised once, and a server's schema migrated.
    expect((await runProgram(['migrate'], destination)).code).toBe(0);
    await killProgram(['import-archive', this.archive], destination, kill);
    const between = await startServer(destination);
    const survivors = await between.client.allImages();
    await expectWhole(between.client, survivors, this.pictures);
    await between.stop();
    const { code, output } = await runProgram(['import-archive', this.archive], destination);
    expect({ code, output }).toMatchObject({ code: 0 });
    const server = await startServer(destination);
    const images = await server.client.allImages();
    expect(images).toHaveLength(this.pictures.length);
    await expectWhole(server.client, images, this.pictures);
    const { spaces } = await server.client.data<{ spaces: readonly SpaceNode[] }>(
      '{ spaces { name state missingCount } }',
    );
    expect(spaces).toEqual([{ name: firstSpace, state: 'ACTIVE', missingCount: 0 }]);
    await server.stop();
    await rm(destination.folder, { recursive: true, force: true });
  }
}

async function killProgram(
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Record<string, string> },
  kill: Kill,
): Promise<void> {
  const armed = join(folder, 'armed');
  await writeFile(armed, '');
  const run = await startProgram(args, { folder, env: { ...env, ...killEnvironment(kill, armed) } });
  expect(await run.exited, `${describeKill(kill)}\n${run.output}`).toEqual({ code: null, signal: 'SIGKILL' });
  await rm(armed);
}

/** Of a server, or of the import of a picture, which opens database and model as well. */
async function spawnStart(
  round: Round,
  options: RunOptions & { readonly folder: string },
  picture: Buffer,
): Promise<ProgramRun> {
  if (round === 'alone') return spawnServer(options);
  const file = join(options.folder, 'picture.jpg');
  await writeFile(file, picture);
  return startProgram(['import', file], options);
}

function archiveName(name: string, round: Round): string {
  return round === 'alone' ? `${name}.tar` : name;
}

function killEnvironment({ point, nth }: Kill, armed: string): Record<string, string> {
  const { sql, file, behind, when } = point;
  return {
    NODE_OPTIONS: `--import ${preload}`,
    KILL_POINT: JSON.stringify({ armed, sql, file, behind, when, nth }),
  };
}

/** Of a server that answered before it was killed. */
function expectNoErrors(answer: GraphqlAnswer<unknown> | undefined): void {
  if (answer?.errors !== undefined) throw new Error(`A request failed: ${JSON.stringify(answer.errors)}`);
}

function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
