import {
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  astFromValue,
  print,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLSchema,
} from 'graphql';

/** One line for each type, field, argument, enum value and description of a schema, to compare two of them. */
export function listContract(schema: GraphQLSchema): readonly string[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => !type.name.startsWith('__') && !isSpecifiedScalarType(type))
    .flatMap((type) => {
      const described = type.description == null || isScalarType(type) ? [] : [type.description];
      const lines = [type.constructor.name, ...described];
      if (isEnumType(type)) lines.push(...type.getValues().map(({ name }) => name));
      if (isInputObjectType(type)) lines.push(...Object.values(type.getFields()).flatMap(listInput));
      if (isObjectType(type)) {
        for (const { name, args, type: result, description } of Object.values(type.getFields())) {
          lines.push(
            `${name}: ${String(result)}`,
            ...args.flatMap((each) => listInput(each).map((line) => `${name}(${line})`)),
          );
          if (description != null) lines.push(`${name} "${description}"`);
        }
      }
      return lines.map((line) => `${type.name} ${line}`);
    });
}

function listInput({ name, type, defaultValue, description }: GraphQLArgument | GraphQLInputField): readonly string[] {
  const fallback = defaultValue === undefined ? undefined : astFromValue(defaultValue, type);
  const line = `${name}: ${String(type)}${fallback == null ? '' : ` = ${print(fallback)}`}`;
  return description == null ? [line] : [line, `${name} "${description}"`];
}
