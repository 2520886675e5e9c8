import type { Rerank } from '../../generated/graphql.js';
import { rerankName, rerankProblem, spaceProblem, type Method, type Methods } from './method.js';

interface MethodChoiceProps {
  readonly letter: string;
  readonly methods: Methods;
  readonly method: Method;
  readonly onChange: (method: Method) => void;
}

/** Space and re-ranker. What cannot be chosen stands there all the same, with a word why; below it is what to do. */
export function MethodChoice({ letter, methods, method, onChange }: MethodChoiceProps) {
  const space = methods.spaces.find(({ name }) => name === method.space);
  const reranker = methods.rerankers.find(({ name }) => name === method.rerank);
  const problems = [
    ...methods.spaces.map((each) => ({ name: `Space ${each.name}`, problem: spaceProblem(each) })),
    ...methods.rerankers.map((each) => ({
      name: rerankName(each.name),
      problem: space && rerankProblem(each, space),
    })),
  ].flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }]));
  return (
    <div className="choice">
      <label className="field">
        <span className="field__label">Space of {letter}</span>
        <select
          value={method.space}
          onChange={({ currentTarget }) => {
            onChange({ ...method, space: currentTarget.value });
          }}
        >
          {space === undefined ? <option value={method.space}>{method.space}</option> : null}
          {methods.spaces.map((each) => (
            <option key={each.name} value={each.name} disabled={spaceProblem(each) !== undefined}>
              {each.name}
              {each.state === 'BUILDING' ? ' (being built)' : each.state === 'RETIRED' ? ' (retired)' : null}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span className="field__label">Order of {letter}</span>
        <select
          value={method.rerank ?? ''}
          onChange={({ currentTarget }) => {
            const { value } = currentTarget;
            onChange({ ...method, rerank: value === '' ? null : (value as Rerank) });
          }}
        >
          <option value="">By similarity</option>
          {methods.rerankers.map((each) => {
            const problem = space && rerankProblem(each, space);
            return (
              <option key={each.name} value={each.name} disabled={problem !== undefined} title={problem}>
                {rerankName(each.name)}
                {problem === undefined ? null : ' (not trained)'}
              </option>
            );
          })}
        </select>
      </label>
      <details className="choice__about">
        <summary>
          {problems.length === 0 ? 'About this' : `About this, and ${problems.length} that cannot be chosen`}
        </summary>
        <p>
          {space === undefined ? null : `${space.description}. `}
          {reranker?.description ?? 'Cosine similarity of the two embeddings, the nearest first.'}
        </p>
        {problems.length === 0 ? null : (
          <ul>
            {problems.map(({ name, problem }) => (
              <li key={name}>
                <strong>{name}.</strong> {problem}
              </li>
            ))}
          </ul>
        )}
      </details>
    </div>
  );
}
