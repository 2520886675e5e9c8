import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { requireSpaceOf } from '../spaces.js';
import type { SpaceContext } from './space-context.js';
import { listMethodsOnce } from './list-methods-once.js';
import { EmbeddingSpaceType } from './methods.type.js';
import { ActivateSpaceArgs } from './space.args.js';
import { ActivateSpacePayload, RemoveSpacePayload, RetireSpacePayload } from './space-payloads.type.js';

@Resolver()
export class SpaceResolver {
  @Query(() => [EmbeddingSpaceType], { description: 'The active one first, then by name.' })
  async spaces(@Ctx() context: SpaceContext): Promise<readonly EmbeddingSpaceType[]> {
    return (await listMethodsOnce(context)).spaces;
  }

  @Mutation(() => ActivateSpacePayload, {
    description:
      'Makes a space the one that is searched where none is named, in one step for all servers. CONFLICT where stored images have no embedding in it, unless forced.',
  })
  async activateSpace(
    @Args(() => ActivateSpaceArgs) { name, force }: ActivateSpaceArgs,
    @Ctx() { operations }: SpaceContext,
  ): Promise<ActivateSpacePayload> {
    const { former, missing } = await operations.activateSpace({ name, force });
    return { space: await findSpace(operations, name), former, missing };
  }

  @Mutation(() => RetireSpacePayload, {
    description:
      'No upload is embedded for it any more and no search finds it; what it holds stays until it is removed. It cannot be taken up again. CONFLICT for the active one.',
  })
  async retireSpace(
    @Arg('name', () => String, { description: 'Of the space.' }) name: string,
    @Ctx() { operations }: SpaceContext,
  ): Promise<RetireSpacePayload> {
    await operations.retireSpace(name);
    return { space: await findSpace(operations, name) };
  }

  @Mutation(() => RemoveSpacePayload, {
    description:
      'Removes a space with its embeddings, regions and scorers; no image is removed. CONFLICT for the active one.',
  })
  async removeSpace(
    @Arg('name', () => String, { description: 'Of the space.' }) name: string,
    @Ctx() { operations }: SpaceContext,
  ): Promise<RemoveSpacePayload> {
    return { removedName: await operations.removeSpace(name) };
  }
}

/** As it is now. @throws SemblanceError NOT_FOUND where somebody removed it since */
async function findSpace(operations: SpaceContext['operations'], name: string): Promise<EmbeddingSpaceType> {
  return requireSpaceOf((await operations.listMethods()).spaces, name);
}
