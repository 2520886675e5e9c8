import { Ctx, Query, Resolver } from 'type-graphql';
import { packageVersion } from '../../base/paths.js';
import type { RequestContext } from '../context.js';
import { Status } from './status.type.js';

@Resolver()
export class StatusResolver {
  @Query(() => Status, { description: 'What this server is and holds.' })
  async status(@Ctx() { operations }: RequestContext): Promise<Status> {
    return { version: packageVersion, ...(await operations.status()) };
  }
}
