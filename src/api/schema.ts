import 'reflect-metadata';
import type { GraphQLObjectType, GraphQLSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import { ImageConnectionResolver } from '../images/graphql/image-connection.resolver.js';
import { ImageResolver } from '../images/graphql/image.resolver.js';
import { JobResolver } from './jobs/job.resolver.js';
import { MethodsResolver } from '../spaces/graphql/methods.resolver.js';
import { ImageSearchResolver } from '../search/graphql/image-search.resolver.js';
import { SearchResolver } from '../search/graphql/search.resolver.js';
import { SpaceResolver } from '../spaces/graphql/space.resolver.js';
import { StatusResolver } from './status/status.resolver.js';
import { UploadResolver } from '../images/graphql/upload.resolver.js';

/** The public contract, as schema.graphql at the project's root shows it. */
export async function buildGraphqlSchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [
      ImageResolver,
      ImageSearchResolver,
      ImageConnectionResolver,
      JobResolver,
      MethodsResolver,
      SearchResolver,
      SpaceResolver,
      StatusResolver,
      UploadResolver,
    ],
    // The operations check every argument, whichever door it came through.
    validate: false,
  });
  // type-graphql makes both by itself, and has no option for what they are.
  describe(schema.getQueryType(), 'What changes nothing.');
  describe(schema.getMutationType(), 'What changes the gallery, its spaces or its jobs.');
  return schema;
}

function describe(type: GraphQLObjectType | null | undefined, description: string): void {
  if (type) type.description = description;
}
