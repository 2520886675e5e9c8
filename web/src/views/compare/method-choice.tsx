import { useId } from 'react';
import type { Rerank } from '../../generated/graphql.js';
import { rerankName, rerankProblem, spaceProblem, type Method, type Methods } from './method.js';

interface MethodChoiceProps {
  readonly letter: string;
  readonly methods: Methods;
  readonly method: Method;
  readonly onChange: (method: Method) => void;
}

const byProblem = (problem: string | undefined): string => (problem === undefined ? '' : ' (not available)');

/** Space and re-ranker. What cannot be chosen stands there all the same, and below it why. */
export function MethodChoice({ letter, methods, method, onChange }: MethodChoiceProps) {
  const id = useId();
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
              {byProblem(spaceProblem(each))}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span className="field__label">Order of {letter}</span>
        <select
          value={method.rerank ?? ''}
          aria-describedby={id}
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
                {byProblem(problem)}
              </option>
            );
          })}
        </select>
      </label>
      <p id={id} className="choice__description">
        {reranker?.description ?? 'Cosine similarity of the two embeddings, the nearest first.'}
      </p>
      {problems.length === 0 ? null : (
        <details className="choice__problems">
          <summary>
            {problems.length} not available: <span>why</span>
          </summary>
          <ul>
            {problems.map(({ name, problem }) => (
              <li key={name}>
                <strong>{name}.</strong> {problem}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
